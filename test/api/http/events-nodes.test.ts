import { afterAll, beforeAll, expect, test } from "vitest";
import { closeServer } from "../../../api/http/listen.ts";
import { createPostgresDoorbell } from "../../../persistence/postgres/doorbell.ts";
import { connect, type Database } from "../../../persistence/postgres/connect.ts";
import { migrate } from "../../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import type { Doorbell } from "../../../runtime/store.ts";
import { ManualClock } from "../../manual-clock.ts";
import { createTestDatabase, type TestDatabase } from "../../setup/database.ts";
import { callerOf, createWorld, type World } from "../world.ts";
import { serve, type Served } from "./client.ts";
import { readEvents } from "./event-reader.ts";

/** Two nodes on one Postgres, each with its own connections and doorbell. */
let testDatabase: TestDatabase;
let nodes: { world: World; served: Served; database: Database; doorbell: Doorbell }[];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  nodes = [];
  for (let count = 0; count < 2; count += 1) {
    const database = connect({ url: testDatabase.url });
    await migrate(database);
    const doorbell = createPostgresDoorbell({ url: testDatabase.url, workspaceId: "w" });
    const world = await createWorld(
      new ManualClock(),
      createPostgresStore({ database, workspaceId: "w" }),
      doorbell,
    );
    nodes.push({ world, database, doorbell, served: await serve(world) });
  }
});
afterAll(async () => {
  for (const { served, doorbell, database } of nodes) {
    await closeServer(served.server, 1_000);
    await doorbell.close();
    await database.close();
  }
  await testDatabase.drop();
});

const create = ({ world }: { world: World }, id: string) =>
  world.call("create_thread", callerOf(world, "ann"), { thread_id: id, title: id });
const threadsOf = (events: readonly { type: string; thread_id: string | null }[]) =>
  events.filter(({ type }) => type === "thread.created").map(({ thread_id }) => thread_id);

test("a follower sees what a transaction commits late, in its place, before what was committed meanwhile", async () => {
  const [one, two] = nodes as [(typeof nodes)[0], (typeof nodes)[0]];
  const reader = await readEvents(two.served.url, await two.served.token("operator", "operator"));
  await create(one, "th-before");
  await reader.until(2);
  const mayCommit = Promise.withResolvers<undefined>();
  const written = Promise.withResolvers<undefined>();
  const { store } = one.world;
  const transaction = store.transaction.bind(store);
  store.transaction = (work, options) =>
    transaction(async (tx) => {
      const result = await work(tx);
      // Has taken its journal ids, and is held open.
      written.resolve(undefined);
      await mayCommit.promise;
      return result;
    }, options);
  const late = create(one, "th-late");
  await written.promise;
  store.transaction = transaction;
  await create(two, "th-later");
  const answered = await two.served.rest(
    await two.served.token("operator", "operator"),
    "GET",
    "/v1/events/history?types=thread.created",
  );
  expect(threadsOf(answered.body["events"] as { type: string; thread_id: string }[])).toEqual(["th-before"]);
  expect(threadsOf(reader.events)).toEqual(["th-before"]);
  mayCommit.resolve(undefined);
  await late;
  await reader.until(6);
  expect(threadsOf(reader.events)).toEqual(["th-before", "th-late", "th-later"]);
  reader.close();
});

test("writers of two nodes at once: followers of both see every thread once, in the same order", async () => {
  const readers = await Promise.all(
    nodes.map(async ({ served }) => readEvents(served.url, await served.token("operator", "operator"))),
  );
  const threads = Array.from({ length: 24 }, (_, index) => `th-${index}`);
  await Promise.all(threads.map((id, index) => create(nodes[index % 2]!, id)));
  const seen = await Promise.all(
    readers.map(async (reader) => (await reader.until(48)).map(({ event_id }) => event_id)),
  );
  expect(new Set(threadsOf(readers[0]!.events))).toEqual(new Set(threads));
  expect(threadsOf(readers[0]!.events)).toHaveLength(threads.length);
  expect(seen[0]).toEqual(seen[1]);
  for (const reader of readers) reader.close();
});
