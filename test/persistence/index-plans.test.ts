import { afterAll, beforeAll, expect, test } from "vitest";

import type { Address } from "../../machines/mail.ts";
import { connect, type Database, type Sql } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import { shardOf } from "../../runtime/shard.ts";
import { countedUpTo, type Store, type Transaction, type TurnCommit } from "../../runtime/store.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { creation, effectRequest, journalEntry, newThread, post, turnOf } from "./conformance/subject.ts";

/**
 * Prepared statements keep the plans that they were given while the tables were small, mailbox and timers drained and
 * vacuumed, and nothing tells the planner that the tables have grown: the worst that can happen to a long-lived node.
 */
let testDatabase: TestDatabase;
let database: Database;
let store: Store;

const workspaceId = "ws";
const grownTo = 20_000;
const tables = [
  "actor",
  "subscription",
  "mailbox",
  "timer",
  "effect",
  "effect_attempt",
  "journal",
  "wake",
  "thread",
  "member",
  "message",
  "idempotency",
];
/** By primary key, as one would write it. */
const naive = (sql: Sql) => sql`
  update rouse.wake w set reason = '' from unnest(${["none"]}::text[]) as x(id)
  where w.workspace_id = ${workspaceId} and w.wake_id = x.id`;
const hotActors = 8;
/** Of any table but the mailbox: what one claim looks at there is more, and bounded, too. */
const mostBlocks = 600;
const mostOfMailbox = 4_000;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const name = new URL(testDatabase.url).pathname.slice(1);
  const admin = connect({ url: testDatabase.url, max: 1 });
  await migrate(admin);
  for (const table of tables) {
    await admin.sql.unsafe(`alter table rouse.${table} set (autovacuum_enabled = false)`);
  }
  await grow(admin.sql, { from: 1, to: 300 });
  for (const table of tables) await admin.sql.unsafe(`vacuum analyze rouse.${table}`);
  for (const table of ["mailbox", "timer"]) {
    await admin.sql.unsafe(`delete from rouse.${table}`);
    await admin.sql.unsafe(`vacuum analyze rouse.${table}`);
  }
  // From the first execution on, not only from the sixth.
  await admin.sql.unsafe(`alter database ${name} set plan_cache_mode = force_generic_plan`);
  await admin.close();
  database = connect({ url: testDatabase.url, max: 1 });
  store = createPostgresStore({ database, workspaceId });
  await naive(database.sql);
  await work("young");
  await grow(database.sql, { from: 301, to: grownTo });
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

test("statements planned on empty tables find their rows by indexes when the tables have grown", async () => {
  const read = await meter(() => work("grown"));
  expect(read.seqScans).toEqual([]);
  expect(read.mailbox).toBeLessThan(mostOfMailbox);
  expect(read.others).toBeLessThan(mostBlocks);
});

test("a statement without such a plan is noticed", async () => {
  const read = await meter(() => naive(database.sql));
  expect(read.seqScans).toEqual(["wake"]);
});

test("the settings end with the transaction, and leave reading alone", async () => {
  const settings = (sql: Sql) => sql`select current_setting('enable_seqscan') as seqscan`;
  expect((await database.transaction(settings, { plansByIndex: true }))[0]).toEqual({ seqscan: "off" });
  expect((await database.transaction(settings))[0]).toEqual({ seqscan: "on" });
  expect((await settings(database.sql))[0]).toEqual({ seqscan: "on" });
});

test("much mail for a quarantined actor is looked at once, and is all there after its release", async () => {
  const quarantined = "job/q";
  const busy = Array.from({ length: 1_000 }, (_, n): Address => `job/${n}`).find(
    (address) => shardOf(address) === shardOf(quarantined),
  );
  if (busy === undefined) throw new Error("no other actor in its shard");
  const own = createPostgresStore({ database, workspaceId: "ws-quarantine" });
  await own.transaction((tx) =>
    tx.commitTurns([creation(quarantined, { actor: { status: "quarantined" } }), creation(busy)]),
  );
  const send = (to: Address, count: number) =>
    own.transaction((tx) =>
      tx.send(Array.from({ length: count }, (_, n) => ({ to, from: "test", event: { type: "told", n } }))),
    );
  await send(quarantined, grownTo);
  // In the same shard, behind all of it.
  await send(busy, 1);
  const claim = () => own.transaction((tx) => tx.claimReady({ actors: 256, mailPerActor: 128 }));
  for (let round = 0; round < 3; round += 1) await claim();
  const read = await meter(async () => {
    expect((await claim()).map(({ actor }) => actor.address)).toEqual([busy]);
  });
  expect(read.mailbox).toBeLessThan(mostOfMailbox);
  const listed = await own.listQuarantined({ limit: 5 });
  expect(listed.rows.map(({ mail }) => mail)).toEqual([countedUpTo]);
  await send(quarantined, 1);
  await own.transaction((tx) => tx.commitTurns([turnOf(quarantined)]));
  const released = await own.transaction((tx) => tx.claimActor(quarantined));
  const order = released?.mail.map(({ event }) => event["n"]);
  expect(order).toEqual([...Array.from({ length: grownTo }, (_, n) => n), 0]);
  const claimed = (await claim()).find(({ actor }) => actor.address === quarantined);
  expect(claimed?.mail[0]?.event).toEqual({ type: "told", n: 0 });
});

async function work(name: string): Promise<void> {
  const actors = Array.from({ length: hotActors }, (_, index): Address => `job/${name}-${index}`);
  const each = (change: (address: Address, index: number) => TurnCommit) =>
    store.transaction((tx) => tx.commitTurns(actors.map(change)));
  const wakeId = (index: number): string => `wake-${name}-${index}`;
  await store.transaction((tx) => newThread(tx, name, ["ann", "bob"]));
  // Twice: a second one at the same moment shares the transaction.
  await Promise.all([1, 2].map((n) => store.transaction((tx) => postIn(tx, name, n), { group: "post" })));
  await each((address) => creation(address, { subscriptions: [`topic/${name}`] }));
  await store.transaction((tx) =>
    tx.send(actors.map((to) => ({ to, from: "test", event: { type: "told" } }))),
  );
  await store.transaction(async (tx) => {
    const claims = await Promise.all(actors.map((address) => tx.claimActor(address)));
    await tx.commitTurns(
      actors.map((address, index) =>
        turnOf(address, {
          consumed: claims[index]?.mail ?? [],
          outgoing: [{ to: address, from: address, event: { type: "again" } }],
          published: index === 0 ? [{ topic: `topic/${name}`, from: address, event: { type: "news" } }] : [],
          timersArmed: [1, 2].map((id) => ({
            id: `t${id}`,
            incarnation: id,
            delayMs: id === 1 ? 0 : 60_000,
            event: { type: "due" },
          })),
          effectsRequested: [
            effectRequest(1, { port: name }),
            effectRequest(2, { port: name, correlation: name }),
          ],
          records: [
            {
              type: "wake.opened",
              params: { wakeId: wakeId(index), threadId: name, agentId: "ann", headSeq: 1, at: 1 },
            },
            {
              type: "thread.statusChanged",
              params: { threadId: name, status: "active", by: "ann", reason: "", at: 1 },
            },
          ],
          journal: [journalEntry(2)],
        }),
      ),
    );
  });
  await store.claimEffects({ nodeId: "n", host: "h", ports: [name], limit: 4, leaseMs: 60_000 });
  await store.claimExpiredEffects({ nodeId: "n", limit: 4, leaseMs: 60_000 });
  await store.fireTimers({ limit: 100 });
  await each((address, index) =>
    turnOf(address, {
      actor: { version: 3 },
      expectedVersion: 2,
      timersCancelled: ["t2"],
      effectsCancelled: [{ incarnation: 1 }, { incarnation: 2 }],
      records: [
        { type: "wake.acknowledged", params: { wakeId: wakeId(index), by: "heartbeat", at: 2 } },
        { type: "wake.closed", params: { wakeId: wakeId(index), outcome: "read", reason: null, at: 3 } },
      ],
    }),
  );
  await store.transaction((tx) => tx.claimReady({ actors: 4, mailPerActor: 4 }));
}

/** And reads it. */
async function postIn(tx: Transaction, threadId: string, n: number): Promise<void> {
  const id = { caller: "ann", key: `${threadId}-${n}` };
  await tx.getIdempotent(id);
  await tx.getMembers({ threadId, agentIds: ["ann", "bob"] });
  const { message } = await post(tx, threadId, "ann");
  await tx.advanceCursor({ threadId, agentId: "bob", seq: message.seq });
  await tx.putIdempotent(id, { operation: "post", fingerprint: "f", response: {} });
}

/** None of it is due or pending. */
async function grow(sql: Sql, { from, to }: { from: number; to: number }): Promise<void> {
  const rows = `generate_series(${from}, ${to}) as n`;
  const later = "4000000000000";
  await sql.unsafe(`
    insert into rouse.actor select 'ws', 'job/g' || n, 'job', '', 1, 'active', '1', 'hash', '{}', 0, 0 from ${rows};
    insert into rouse.subscription select 'ws', 'topic/g' || n, 'job/g' || n, 1 from ${rows};
    insert into rouse.mailbox (workspace_id, shard, address, sender, event, sent_at)
      select 'ws', n % 64, 'job/g' || n, '', '{"type":"told"}', 0 from ${rows};
    insert into rouse.timer select 'ws', 'job/g' || n, 't', 1, 1, ${later}, '{}', '{}' from ${rows};
    insert into rouse.effect (workspace_id, address, incarnation, shard, invoke_id, port, input, host, status, run_at, requested_at)
      select 'ws', 'job/g' || n, 1, 1, 'i', 'p', '{}', '', 'done', ${later}, 0 from ${rows};
    insert into rouse.effect_attempt (workspace_id, address, incarnation, attempt, node_id, lease_token, claimed_at)
      select 'ws', 'job/g' || n, 1, 1, 'n', 1, 0 from ${rows};
    insert into rouse.journal (workspace_id, address, seq, at, machine_hash, entry)
      select 'ws', 'job/g' || n, 1, 0, 'hash', '{}' from ${rows};
    insert into rouse.wake (workspace_id, wake_id, thread_id, agent_id, head_seq, opened_at)
      select 'ws', 'wake-g' || n, 'g', 'ann', 1, 0 from ${rows};
    insert into rouse.thread select 'ws', 'g' || n, '', 'review', 'ann', 0, 'active', '', 'ann', 0, 0 from ${rows};
    insert into rouse.member (workspace_id, thread_id, agent_id, joined_at) select 'ws', 'g' || n, 'ann', 0 from ${rows}`);
}

interface Reading {
  /** Tables that were read as a whole. */
  seqScans: string[];
  /** Blocks looked at: of the mailbox, and of the one other table with the most. */
  mailbox: number;
  others: number;
}

async function meter(of: () => Promise<unknown>): Promise<Reading> {
  const before = await statistics();
  await of();
  const after = await statistics();
  const seqScans = [...after].filter(([table, { scans }]) => scans > (before.get(table)?.scans ?? 0));
  const blocksOf = (table: string): number =>
    (after.get(table)?.blocks ?? 0) - (before.get(table)?.blocks ?? 0);
  const others = [...after.keys()].filter((table) => table !== "mailbox").map(blocksOf);
  return {
    seqScans: seqScans.map(([table]) => table),
    mailbox: blocksOf("mailbox"),
    others: Math.max(...others),
  };
}

/** The only connection that works here tells what it has done so far, then reads it in a transaction of its own. */
async function statistics(): Promise<Map<string, { scans: number; blocks: number }>> {
  const { sql } = database;
  await sql`select pg_stat_force_next_flush()`;
  const rows = await sql`
    select relname, seq_scan, heap_blks_hit + heap_blks_read + coalesce(idx_blks_hit + idx_blks_read, 0) as blocks
    from pg_stat_user_tables join pg_statio_user_tables using (relid, schemaname, relname)
    where schemaname = 'rouse'`;
  return new Map(
    rows.map((row) => [row["relname"], { scans: Number(row["seq_scan"]), blocks: Number(row["blocks"]) }]),
  );
}
