import { AsyncLocalStorage } from "node:async_hooks";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import type { NewAuditEntry } from "../../runtime/domain.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Store, Transaction } from "../../runtime/store.ts";
import { callerOf, createWorld, type World } from "../api/world.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { post } from "./conformance/subject.ts";

/** Calls of one moment share a transaction: each ends as it would alone. Only Postgres has it; the memory store runs one after the other. */
let own: TestDatabase;
let database: Database;
let admin: Database;
let store: Store;
let world: World;
let workspaces = 0;
const threads = ["th-1", "th-2", "th-3"];

beforeAll(async () => {
  own = await createTestDatabase();
  database = connect({ url: own.url, applicationName: "grouped" });
  admin = connect({ url: own.url, max: 2, applicationName: "admin" });
  await migrate(database);
});

beforeEach(async () => {
  workspaces += 1;
  store = createPostgresStore({ database, workspaceId: `w-${workspaces}` });
  world = await createWorld(undefined, store);
  for (const thread_id of threads) {
    const participants = ["bob", "cy"];
    await world.call("create_thread", callerOf(world, "ann"), { thread_id, title: "Review", participants });
  }
});

afterAll(async () => {
  await Promise.all([database.close(), admin.close()]);
  await own.drop();
});

const posted = (author: string, fields: object) =>
  world.call("post_message", callerOf(world, author), { thread_id: "th-1", body: "Hello", ...fields });

/** How many transactions wrote the messages, or the rows of the audit. */
async function writers(table: "message" | "audit where operation = 'post_message' and outcome = 'done'") {
  const [name, condition = "true"] = table.split(" where ");
  const [row] = await admin.sql.unsafe(
    `select count(distinct xmin::text)::int as transactions, count(*)::int as rows from rouse.${name}
     where workspace_id = '${store.workspaceId}' and ${condition}`,
  );
  return row;
}

async function messagesIn(threadId: string) {
  return store.transaction((tx) => tx.listMessages({ threadId, afterSeq: 0, limit: 100 }));
}

test("posts of one moment share one commit; each has its answer, its mail and its row in the audit", async () => {
  const answers = await Promise.all([
    posted("ann", { body: "One" }),
    posted("bob", { body: "Two", thread_id: "th-2", to: ["cy"] }),
    posted("cy", { body: "Three", in_reply_to: 1 }),
  ]);
  expect(answers).toMatchObject([
    { thread_id: "th-1", seq: 1, addressed: ["bob", "cy"] },
    { thread_id: "th-2", seq: 1, addressed: ["cy"] },
    { thread_id: "th-1", seq: 2, addressed: ["ann", "bob"] },
  ]);
  expect(await writers("message")).toEqual({ transactions: 1, rows: 3 });
  expect((await messagesIn("th-1")).map(({ author, body }) => [author, body])).toEqual([
    ["ann", "One"],
    ["cy", "Three"],
  ]);
  const rows = (await world.audit()).filter(({ operation }) => operation === "post_message");
  expect(rows.map(({ actor, subject }) => `${actor} ${subject}`).toReversed()).toEqual([
    "ann thread/th-1",
    "bob thread/th-2",
    "cy thread/th-1",
  ]);
  expect((await store.counts()).mail).toBe(8);
});

test("a lone post waits for nobody and has a commit of its own", async () => {
  await posted("ann", {});
  await posted("ann", { body: "Again" });
  expect(await writers("message")).toEqual({ transactions: 2, rows: 2 });
});

test("many posts at once leave no gap, and keep the order in which each thread was posted to", async () => {
  const bodies = Array.from({ length: 100 }, (_, index) => `Post ${index}`);
  await Promise.all(
    bodies.map((body, index) => posted("ann", { body, thread_id: threads[index % threads.length] })),
  );
  for (const [place, threadId] of threads.entries()) {
    const messages = await messagesIn(threadId);
    const expected = bodies.filter((_body, index) => index % threads.length === place);
    expect(messages.map(({ body }) => body)).toEqual(expected);
    expect(messages.map(({ seq }) => seq)).toEqual(expected.map((_body, index) => index + 1));
  }
  expect(Number((await writers("message"))?.["transactions"])).toBeLessThan(10);
});

test("who may not post is refused by name and on record, and the others do not notice", async () => {
  const [one, refused, unknown, two] = await Promise.allSettled([
    posted("ann", {}),
    posted("eve", { body: "Let me in" }),
    posted("ann", { thread_id: "th-9" }),
    posted("bob", {}),
  ]);
  expect([one, two]).toMatchObject([{ value: { seq: 1 } }, { value: { seq: 2 } }]);
  expect(refused).toMatchObject({ reason: { code: "not_a_participant" } });
  expect(unknown).toMatchObject({ reason: { code: "thread_not_found" } });
  expect(await writers("message")).toEqual({ transactions: 1, rows: 2 });
  const rows = (await world.audit()).filter(({ outcome }) => outcome === "refused");
  expect(rows.map(({ actor, code }) => `${actor} ${code}`).toSorted()).toEqual([
    "ann thread_not_found",
    "eve not_a_participant",
  ]);
});

test("what fails after it wrote is undone, and the others are done by themselves, once", async () => {
  const outcomes = await Promise.allSettled([
    posted("ann", { body: "One" }),
    posted("bob", { body: "Two" }),
    posted("cy", { body: "Three", in_reply_to: 99 }),
    posted("ann", { body: "Four", thread_id: "th-2" }),
  ]);
  expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "fulfilled", "rejected", "fulfilled"]);
  expect(outcomes[2]).toMatchObject({ reason: { code: "invalid_input" } });
  const messages = await messagesIn("th-1");
  expect(messages.map(({ body }) => body).toSorted()).toEqual(["One", "Two"]);
  expect(messages.map(({ seq }) => seq)).toEqual([1, 2]);
  expect(await writers("audit where operation = 'post_message' and outcome = 'done'")).toEqual({
    transactions: 3,
    rows: 3,
  });
});

test("a post with a key that comes twice at the same moment is done once, and both get its answer", async () => {
  const keyed = { body: "Once", idempotency_key: "k1" };
  const [first, second] = await Promise.all([
    posted("ann", keyed),
    posted("ann", keyed),
    posted("bob", { idempotency_key: "k1" }),
  ]);
  expect(second).toEqual(first);
  const authors = (await messagesIn("th-1")).map(({ author }) => author);
  expect(authors.toSorted()).toEqual(["ann", "bob"]);
  const [again, misused] = await Promise.allSettled([
    posted("ann", keyed),
    posted("bob", { body: "Other", idempotency_key: "k1" }),
  ]);
  expect(again).toMatchObject({ value: first });
  expect(misused).toMatchObject({ reason: { code: "idempotency_conflict" } });
});

test("a connection that ends half-way leaves nothing behind, and everybody is told", async () => {
  const append = (body: string, meanwhile?: () => Promise<unknown>) =>
    store.transaction(
      async (tx) => {
        await post(tx, "th-1", "ann", { body });
        await meanwhile?.();
        await tx.putSetting("last", body);
      },
      { group: "test" },
    );
  const kill = () =>
    admin.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'grouped' and datname = current_database() and xact_start is not null`;
  const outcomes = await Promise.allSettled([append("One"), append("Two", kill), append("Three")]);
  const lost = { status: "rejected", reason: { code: "database_unavailable" } };
  expect(outcomes).toMatchObject([lost, lost, lost]);
  expect(await messagesIn("th-1")).toEqual([]);
  await append("Four");
  expect((await messagesIn("th-1")).map(({ seq }) => seq)).toEqual([1]);
});

test("a thread that somebody holds keeps only its own posts waiting", async () => {
  const free = Promise.withResolvers<void>();
  const holding = Promise.withResolvers<void>();
  const holder = store.transaction(async (tx) => {
    await post(tx, "th-1", "ann");
    holding.resolve();
    await free.promise;
  });
  await holding.promise;
  const held = posted("bob", { body: "Held" });
  await Promise.all([posted("bob", { thread_id: "th-2" }), posted("cy", { thread_id: "th-3" })]);
  expect(await Promise.race([held, store.counts().then(() => "waits")])).toBe("waits");
  free.resolve();
  await holder;
  expect(await held).toMatchObject({ seq: 2 });
});

test("acknowledgements of one moment share one commit, too", async () => {
  await posted("ann", {});
  const ack = (reader: string, seq: number) =>
    world.call("ack_read", callerOf(world, reader), { thread_id: "th-1", seq });
  const outcomes = await Promise.allSettled([ack("bob", 1), ack("eve", 1), ack("cy", 1)]);
  expect(outcomes).toMatchObject([
    { value: { last_read_seq: 1, unread: 0 } },
    { reason: { code: "not_a_participant" } },
    { value: { last_read_seq: 1, unread: 0 } },
  ]);
  const [row] = await admin.sql`
    select count(distinct xmin::text)::int as transactions from rouse.member
    where workspace_id = ${store.workspaceId} and last_read_seq = 1`;
  expect(row).toEqual({ transactions: 1 });
});

test("an audit row that cannot even be written out takes its change with it, and no other's", async () => {
  const entry: Omit<NewAuditEntry, "details"> = {
    ...({ actor: "ann", role: "participant", operation: "post_message", subject: "thread/th-1" } as const),
    ...({ outcome: "done", code: null, reason: null, requestId: null } as const),
    changes: [],
  };
  const audited = (body: string, details: unknown) =>
    store.transaction(
      async (tx) => {
        await post(tx, "th-1", "ann", { body });
        await tx.appendAudit({ ...entry, details });
      },
      { group: "audited" },
    );
  const outcomes = await Promise.allSettled([audited("One", null), audited("Two", { number: 1n })]);
  expect(outcomes).toMatchObject([{ status: "fulfilled" }, { reason: { name: "TypeError" } }]);
  expect((await messagesIn("th-1")).map(({ body }) => body)).toEqual(["One"]);
});

test("each keeps the context it was called in", async () => {
  const context = new AsyncLocalStorage<string>();
  const inGroup = (name: string) =>
    context.run(name, () =>
      store.transaction(
        async (tx: Transaction) => {
          await tx.getMembers({ threadId: "th-1", agentIds: ["ann"] });
          return context.getStore();
        },
        { group: "test" },
      ),
    );
  expect(await Promise.all([inGroup("one"), inGroup("two"), inGroup("three")])).toEqual([
    "one",
    "two",
    "three",
  ]);
});

test("a failure that is nobody's decision is met by itself: the work runs again, and tells it", async () => {
  let runs = 0;
  const failing = () =>
    store.transaction(
      async (tx) => {
        await tx.getMembers({ threadId: "th-1", agentIds: ["ann"] });
        runs += 1;
        throw new RouseError("internal", `run ${runs}`);
      },
      { group: "test" },
    );
  const bad = store.transaction((tx) => tx.getMembers({ threadId: "a\0b", agentIds: ["ann"] }), {
    group: "test",
  });
  const [first, refused] = await Promise.allSettled([failing(), bad]);
  expect(first).toMatchObject({ reason: { code: "internal" } });
  expect(refused).toMatchObject({ reason: { code: "invalid_input" } });
});
