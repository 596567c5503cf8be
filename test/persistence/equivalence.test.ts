import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { Store } from "../../runtime/store.ts";
import { createMemoryStore } from "../../persistence/memory/store.ts";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { VirtualClock } from "./conformance/subject.ts";
import { dump, perform, Session, steps } from "./conformance/steps.ts";

let testDatabase: TestDatabase;
let database: Database;
let runs = 0;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = connect({ url: testDatabase.url });
  await migrate(database);
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** Methods of the store and of its transactions: all there are, and those that were called. */
const known = new Set<string>();
const called = new Set<string>();

function noting(store: Store): Store {
  const noted = <Of extends object>(target: Of, prefix: string): Of => {
    const members = Object.entries(target).filter(([, member]) => typeof member === "function");
    for (const [name] of members) known.add(prefix + name);
    return new Proxy(target, {
      get(of, name): unknown {
        called.add(prefix + String(name));
        return Reflect.get(of, name);
      },
    });
  };
  return noted(
    { ...store, transaction: (work, options) => store.transaction((tx) => work(noted(tx, "tx.")), options) },
    "",
  );
}

test("both stores answer any sequence of calls alike, and hold the same afterwards", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      runs += 1;
      const clock = new VirtualClock();
      const memory = new Session(noting(createMemoryStore({ workspaceId: "w", clock })));
      const postgres = new Session(createPostgresStore({ database, workspaceId: `run-${runs}`, clock }));
      for (const step of sequence) {
        clock.advance(step.afterMs);
        expect(await perform(postgres, step)).toEqual(await perform(memory, step));
        expect(await dump(postgres)).toEqual(await dump(memory));
      }
    }),
    {
      numRuns: Number(process.env["EQUIVALENCE_RUNS"] ?? 25),
      // Always the same sequences: those of this seed leave no method out from the ninth on; other seeds by hand.
      seed: Number(process.env["EQUIVALENCE_SEED"] ?? 78),
      // So that shrinking ends, with its best counterexample, before the test times out.
      interruptAfterTimeLimit: 80_000,
    },
  );
}, 90_000);

test("no method of the store was left out", () => {
  expect([...known].filter((name) => !called.has(name) && name !== "close")).toEqual([]);
});
