import { afterAll, beforeAll, expect, test } from "vitest";
import { configSchema } from "../../../api/config.ts";
import { pruneRound } from "../../../api/node/retention.ts";
import { connect, type Database } from "../../../persistence/postgres/connect.ts";
import { migrate } from "../../../persistence/postgres/migrate.ts";
import { prune } from "../../../persistence/postgres/retention.ts";
import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import { createTestDatabase } from "../../setup/database.ts";
import { callerOf, createWorld, type World } from "../world.ts";

let database: Database;
let world: World;
let url: string;
let drop = async (): Promise<void> => {};
beforeAll(async () => {
  const made = await createTestDatabase();
  url = made.url;
  drop = made.drop;
  database = connect({ url });
  await migrate(database);
  world = await createWorld(undefined, createPostgresStore({ database, workspaceId: "w" }));
});
afterAll(async () => {
  await world.store.close();
  await database.close();
  await drop();
});

const nobody = new AbortController().signal;
const retentionOf = (given: object) => configSchema.parse({ home: "/x", retention: given }).retention;
const round = (given: object) =>
  pruneRound(
    {
      prune: (request) => prune(database, { ...request, workspaceId: "w" }),
      store: world.store,
      retention: retentionOf(given),
    },
    nobody,
  );
const count = async (table: string): Promise<number> => {
  const [row] = await database.sql`select count(*) as n from ${database.sql(`rouse.${table}`)}`;
  return Number(row?.["n"]);
};

const operator = () => callerOf(world, "pat", "operator");

async function fill(id: string): Promise<void> {
  await world.call("create_thread", operator(), { thread_id: id, title: "t", participants: ["ann"] });
  for (const body of ["one", "two", "three"])
    await world.call("post_message", operator(), { thread_id: id, body, idempotency_key: `${id}-${body}` });
  await world.settle();
}

test("nothing is ever deleted unless the configuration says so", async () => {
  await fill("open");
  await fill("shut");
  const close = { thread_id: "shut", status: "closed", reason: "done" };
  await world.call("update_thread_status", operator(), close);
  await world.settle();
  await database.sql`update rouse.thread set updated_at = 1`;
  await database.sql`update rouse.idempotency set created_at = 1`;
  expect(await round({})).toEqual({});
  expect(await count("message")).toBe(6);
});

test("messages of threads closed long ago go from the beginning, and readers meet no hole", async () => {
  expect(await round({ closedThreadMessagesDays: 1 })).toEqual({ closedThreadMessages: 3 });
  const read = (thread: string) =>
    world.call("read_messages", operator(), { thread_id: thread, after_seq: 0 });
  expect(await read("shut")).toMatchObject({ messages: [], has_more: false, head_seq: 3, next_after_seq: 3 });
  expect((await read("open"))["messages"]).toHaveLength(3);
  expect(await world.call("get_thread", operator(), { thread_id: "shut" })).toMatchObject({
    thread: { first_seq: 4, head_seq: 3 },
  });
});

test("what went is on record, and the record itself never goes", async () => {
  const entry = (await world.audit()).find(({ operation }) => operation === "retention");
  expect(entry).toMatchObject({
    changes: [{ of: "closedThreadMessages", before: null, after: "3 deleted" }],
    details: { closedThreadMessagesDays: 1, journalDays: "indefinite" },
  });
  const before = await count("audit");
  const everything = Object.fromEntries(Object.keys(retentionOf({})).map((name) => [name, 0.000_01]));
  await database.sql`update rouse.journal set at = 1`;
  expect(await round(everything)).toMatchObject({ idempotencyKeys: 6 });
  expect(await count("journal")).toBe(0);
  expect(await count("audit")).toBe(before + 1);
});

test("a living workspace goes on after its history was deleted", async () => {
  await world.call("post_message", operator(), { thread_id: "open", body: "four" });
  await world.settle();
  expect(await world.call("explain", operator(), { agent_id: "ann", thread_id: "open" })).toMatchObject({
    explanations: [{ participant: { unread: 4 } }],
  });
});

test("one node deletes at a time, the others leave it to it", async () => {
  const other = connect({ url });
  await database.sql`update rouse.thread set first_seq = 1 where thread_id = 'shut'`;
  try {
    await other.transaction(async (sql) => {
      await sql`select pg_advisory_xact_lock(7266874, hashtext('w closedThreadMessages'))`;
      const request = { workspaceId: "w", kind: "closedThreadMessages", keepMs: 1, limit: 10 } as const;
      expect(await prune(database, request)).toBeNull();
    });
  } finally {
    await other.close();
  }
});
