import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { assign, setup } from "xstate";
import type { RegisteredMachine } from "../../machines/registry.ts";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import { Registry } from "../../runtime/registry.ts";
import type { Store } from "../../runtime/store.ts";
import { createEngine } from "../../runtime/command.ts";
import { turn } from "../../runtime/turn.ts";
import { spoilRecord } from "./spoil-record.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";

/** Writes down whatever it is told, also what no database holds: its `at` is no whole number of milliseconds. */
const machine = setup({
  types: {
    context: {} as { told: number },
    events: {} as { type: "tell"; detail: string; at: number } | { type: "hush" },
  },
  actions: {
    count: assign({ told: ({ context }) => context.told + 1 }),
    "escalation.raised": (_args, _params: object) => {},
  },
}).createMachine({
  id: "teller",
  version: "1",
  context: { told: 0 },
  initial: "listening",
  states: {
    listening: {
      description: "Writes down what it is told.",
      on: {
        hush: "silent",
        tell: {
          actions: [
            "count",
            {
              type: "escalation.raised",
              params: ({ event: { detail, at } }) => ({
                threadId: null,
                agentId: null,
                reason: "exhausted",
                detail,
                at,
              }),
            },
          ],
        },
      },
    },
    silent: { description: "Hears nothing more.", type: "final" },
  },
});

const entry: RegisteredMachine = { kind: "teller", version: "1", machine, ports: [], policy: {} };

describe("a turn that the database refuses", () => {
  let testDatabase: TestDatabase;
  let database: Database;
  let store: Store;
  let workspaces = 0;
  const registry = new Registry([entry]);
  const doorbell = createMemoryDoorbell();

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    database = connect({ url: testDatabase.url });
    await migrate(database);
  });

  beforeEach(async () => {
    workspaces += 1;
    store = createPostgresStore({ database, workspaceId: `unwritable-${workspaces}` });
    const engine = createEngine({ store, registry, doorbell });
    await store.transaction(async (tx) => {
      await engine.create(tx, { kind: "teller", address: "teller/1", input: {} });
      await engine.create(tx, { kind: "teller", address: "teller/2", input: {} });
    });
  });

  afterAll(async () => {
    await database.close();
    await testDatabase.drop();
  });

  const tell = (to: `teller/${number}`, detail: string, at = 1) =>
    store.transaction((tx) => tx.send([{ to, from: "test", event: { type: "tell", detail, at } }]));
  const runTurns = async (): Promise<void> => {
    while ((await turn({ store, registry, doorbell })) > 0);
  };
  const details = async () => (await store.listEscalations({ limit: 10 })).rows.map(({ detail }) => detail);
  const statusOf = async (address: `teller/${number}`) => (await store.getActor(address))?.status;

  test("stops only the actor that wrote it: the guilty mail is set aside, others move on", async () => {
    await tell("teller/1", "before");
    await tell("teller/1", "guilty", 0.5);
    await tell("teller/2", "other");
    await tell("teller/1", "after");
    await runTurns();
    expect((await details()).toSorted()).toEqual(["before", "other"]);
    expect(await statusOf("teller/1")).toBe("quarantined");
    expect(await statusOf("teller/2")).toBe("active");
    const [letter, ...rest] = (await store.listDeadLetters({ limit: 10 })).rows;
    expect(rest).toEqual([]);
    expect(letter).toMatchObject({ address: "teller/1", event: { detail: "guilty" } });
    expect((await store.counts()).quarantinedMail).toBe(1);
  });

  test("a text with half a character or U+0000 is written down all the same", async () => {
    await tell("teller/1", "half \ud83d");
    await tell("teller/1", "nul \0");
    await runTurns();
    expect(await details()).toEqual(["nul \uFFFD", "half \uFFFD"]);
    expect(await statusOf("teller/1")).toBe("active");
  });

  test("an actor whose record cannot be read is set aside, others move on", async () => {
    await spoilRecord(store, "teller/1");
    await tell("teller/1", "unread");
    await tell("teller/2", "other");
    await runTurns();
    expect(await details()).toEqual(["other"]);
    expect(await statusOf("teller/1")).toBe("quarantined");
  });
});
