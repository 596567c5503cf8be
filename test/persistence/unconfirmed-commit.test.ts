import { afterAll, beforeAll, expect, test } from "vitest";

import { startEmbedded } from "../../persistence/embedded/server.ts";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresDoorbell } from "../../persistence/postgres/doorbell.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import type { Doorbell } from "../../runtime/store.ts";
import { callerOf, createWorld, type World } from "../api/world.ts";
import { until } from "../network/until.ts";
import { makeServerFolder } from "../setup/server-folder.ts";

/** A server that waits at each commit for a standby which never comes. */
let remove: () => Promise<void>;
let database: Database;
let person: Database;
let url: string;
let world: World;

beforeAll(async () => {
  const folder = await makeServerFolder();
  remove = folder.remove;
  ({ url } = await startEmbedded({ dir: folder.dir }));
  database = connect({ url, max: 2 });
  person = connect({ url, max: 1 });
  await person.sql`create table note (body text)`;
  await migrate(database);
  const store = createPostgresStore({ database, workspaceId: "w" });
  world = await createWorld(undefined, store);
  await world.call("create_thread", callerOf(world, "ann"), { thread_id: "th-1", title: "Review" });
  await waitFor("nobody");
});

async function waitFor(standby: string): Promise<void> {
  await person.sql.unsafe(`alter system set synchronous_standby_names = '${standby}'`);
  await person.sql`select pg_reload_conf()`;
  await until("the server to wait for it", 10_000, async () => {
    const [row] = await person.sql`select current_setting('synchronous_standby_names') as names`;
    return row?.["names"] === standby;
  });
}

afterAll(async () => {
  await Promise.all([database.close(), person.close()]);
  await remove();
});

/** As a person does who finds it hanging: Postgres then tells its client that it was done, and warns. */
async function cancelWhatWaits(): Promise<void> {
  const cancelled = await until("a commit to wait", 10_000, async () => {
    const found = await person.sql`
      select pid, pg_cancel_backend(pid) from pg_stat_activity where wait_event = 'SyncRep'`;
    return found.length > 0 && found.map((row) => Number(row["pid"]));
  });
  // It hears of it a moment later, and is not to be taken for the next one.
  await until("it to hear of it", 10_000, async () => {
    const waiting = await person.sql`
      select from pg_stat_activity where wait_event = 'SyncRep' and pid = any(${cancelled}::int[])`;
    return waiting.length === 0;
  });
}

test.each([
  ["a transaction", () => database.transaction((sql) => sql`insert into note values ('one')`)],
  ["a statement that commits by itself", () => database.sql`insert into note values ('two')`.execute()],
])("%s whose standby never confirmed it is not told as done", async (_name, write) => {
  const [outcome] = await Promise.allSettled([write(), cancelWhatWaits()]);
  expect(outcome).toMatchObject({ status: "rejected", reason: { code: "commit_outcome_unknown" } });
});

test("what only reads waits for nobody", async () => {
  expect(await database.transaction((sql) => sql`select 1 as one`)).toEqual([{ one: 1 }]);
});

/** NOTIFY alone writes next to nothing; here it stands with a row, as when the server tidies a page it reads. */
const heavyNotify = `
  create function heavy.pg_notify(channel text, payload text) returns void language sql
  begin atomic
    insert into public.note values (payload);
    select pg_catalog.pg_notify(channel, payload);
  end`;

test("a ring does not wait until its commit is safe, whatever its transaction wrote", async () => {
  await person.sql`set synchronous_commit = off`;
  await person.sql`create schema heavy`;
  await person.sql.unsafe(heavyNotify);
  const ringer = createPostgresDoorbell({ url: `${url}?search_path=heavy,pg_catalog`, workspaceId: "w" });
  const listener = createPostgresDoorbell({ url, workspaceId: "w" });
  try {
    await Promise.all([rung(ringer), rung(listener)]);
    const arrived = rung(listener);
    ringer.ring(["mail"]);
    await arrived;
    const rings = await person.sql`select from note where body like 'w % mail'`;
    expect(rings).toHaveLength(1);
  } finally {
    await Promise.all([ringer.close(), listener.close()]);
  }
});

function rung(doorbell: Doorbell): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const end = doorbell.onRing(resolve);
  return promise.finally(end);
}

test("a call with a key is not answered from what no standby has; nothing is done twice", async () => {
  const post = { thread_id: "th-1", body: "One", idempotency_key: "k1" };
  const posting = () => world.call("post_message", callerOf(world, "ann"), post);
  const unknown = { status: "rejected", reason: { code: "commit_outcome_unknown" } };
  // It looks itself for what became of it, which is no answer while that is on this server only.
  const [first] = await Promise.allSettled([posting(), cancelWhatWaits().then(cancelWhatWaits)]);
  expect(first).toMatchObject(unknown);
  const [again] = await Promise.allSettled([posting(), cancelWhatWaits().then(cancelWhatWaits)]);
  expect(again).toMatchObject(unknown);
  await waitFor("");
  expect(await posting()).toMatchObject({ seq: 1 });
});

test("calls that shared a commit which no standby confirmed are all told so, and each is done once", async () => {
  await waitFor("nobody");
  const posts = ["ann", "bob", "cy"].map((author, index) => ({
    author,
    fields: { thread_id: "th-1", body: `From ${author}`, idempotency_key: `shared-${index}` },
  }));
  const posting = () =>
    Promise.allSettled(
      posts.map(({ author, fields }) =>
        world.call("post_message", callerOf(world, author, "coordinator"), fields),
      ),
    );
  const [outcomes] = await Promise.all([posting(), cancelWhatWaits().then(cancelWhatWaits)]);
  const unknown = { status: "rejected", reason: { code: "commit_outcome_unknown" } };
  expect(outcomes).toMatchObject([unknown, unknown, unknown]);
  await waitFor("");
  expect(await posting()).toMatchObject([
    { value: { seq: 2 } },
    { value: { seq: 3 } },
    { value: { seq: 4 } },
  ]);
  expect((await world.store.counts()).messages).toBe(4);
});
