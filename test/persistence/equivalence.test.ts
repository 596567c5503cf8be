import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";

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

test("both stores answer any sequence of calls alike", async () => {
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      runs += 1;
      const clock = new VirtualClock();
      const memory = new Session(createMemoryStore({ workspaceId: "w", clock }));
      const postgres = new Session(createPostgresStore({ database, workspaceId: `run-${runs}`, clock }));
      for (const step of sequence) {
        clock.advance(step.afterMs);
        expect(await perform(postgres, step)).toEqual(await perform(memory, step));
      }
      expect(await dump(postgres)).toEqual(await dump(memory));
    }),
    {
      numRuns: Number(process.env["EQUIVALENCE_RUNS"] ?? 25),
      // So that shrinking ends, with its best counterexample, before the test times out.
      interruptAfterTimeLimit: 15_000,
    },
  );
});
