import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { Address } from "../../machines/mail.ts";
import type { EngineRecord } from "../../machines/records.ts";
import { isRouseError } from "../../runtime/errors.ts";
import type { Store } from "../../runtime/store.ts";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import {
  claimWork,
  commit,
  creation,
  effectRequest,
  expectRefusal,
  journalEntry,
  newThread,
  post,
  send,
  turnOf,
} from "./conformance/subject.ts";

let testDatabase: TestDatabase;
let one: Database;
let two: Database;

/** Two nodes: stores of one workspace over connections of their own, on the database's clock. */
let nodes: [Store, Store];
let workspaces = 0;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  one = connect({ url: testDatabase.url });
  two = connect({ url: testDatabase.url });
  await migrate(one);
});

afterAll(async () => {
  await Promise.all([one.close(), two.close()]);
  await testDatabase.drop();
});

beforeEach(() => {
  workspaces += 1;
  const workspaceId = `nodes-${workspaces}`;
  nodes = [
    createPostgresStore({ database: one, workspaceId }),
    createPostgresStore({ database: two, workspaceId }),
  ];
});

const everything = { actors: 100, mailPerActor: 100 };

describe("several nodes on one Postgres", () => {
  test("an actor claimed by one node is passed over by another until the turn ends", async () => {
    const [first, second] = nodes;
    await commit(first, creation("thread/a"), creation("thread/b"));
    await send(first, "thread/a", { type: "go" });
    const claimed = Promise.withResolvers<undefined>();
    const mayCommit = Promise.withResolvers<undefined>();
    const turn = first.transaction(async (tx) => {
      const [claim] = await tx.claimReady(everything);
      claimed.resolve(undefined);
      await mayCommit.promise;
      await tx.commitTurns([turnOf("thread/a", { consumed: claim?.mail ?? [] })]);
    });
    await claimed.promise;
    await send(second, "thread/b", { type: "go" });
    await send(second, "thread/a", { type: "late" });
    const found = await second.transaction((tx) => tx.claimReady(everything));
    expect(found.map(({ actor }) => actor.address)).toEqual(["thread/b"]);
    mayCommit.resolve(undefined);
    await turn;
    const after = await second.transaction((tx) => tx.claimReady(everything));
    const late = after.find(({ actor }) => actor.address === "thread/a");
    expect(late?.actor.version).toBe(2);
    expect(late?.mail.map(({ event }) => event)).toEqual([{ type: "late" }]);
  });

  test("claiming one actor waits for its holder and then sees what the holder left", async () => {
    const [first, second] = nodes;
    await commit(first, creation("thread/a"));
    await send(first, "thread/a", { type: "go" });
    const mayCommit = Promise.withResolvers<undefined>();
    const claimed = Promise.withResolvers<undefined>();
    const turn = first.transaction(async (tx) => {
      const claim = await tx.claimActor("thread/a");
      claimed.resolve(undefined);
      await mayCommit.promise;
      await tx.commitTurns([turnOf("thread/a", { consumed: claim?.mail ?? [] })]);
    });
    await claimed.promise;
    const waiting = second.transaction((tx) => tx.claimActor("thread/a"));
    await blockedStatements(1);
    mayCommit.resolve(undefined);
    await turn;
    const claim = await waiting;
    expect([claim?.actor.version, claim?.mail.length]).toEqual([2, 0]);
  });

  test("claimers never hold one actor together and every mail is applied once, in order", async () => {
    const [store] = nodes;
    const addresses = Array.from({ length: 12 }, (_, index) => `thread/${index}` as const);
    await commit(store, ...addresses.map((address) => creation(address)));
    const total = 180;
    const held = new Set<string>();
    const applied = new Map<string, unknown[]>();
    const claimer = async (own: Store): Promise<void> => {
      while ([...applied.values()].flat().length < total) {
        const turns = await own.transaction(async (tx) => {
          const claims = await tx.claimReady({ actors: 3, mailPerActor: 4 });
          for (const { actor } of claims) {
            expect(held.has(actor.address)).toBe(false);
            held.add(actor.address);
          }
          const turns = claims.map(({ actor, mail }) =>
            turnOf(actor.address, {
              consumed: mail,
              expectedVersion: actor.version,
              actor: { version: actor.version + mail.length },
              journal: mail.map((_, index) => journalEntry(actor.version + index + 1)),
            }),
          );
          await tx.commitTurns(turns);
          // Still locked here: released only by the commit.
          for (const { actor } of claims) held.delete(actor.address);
          return turns;
        });
        for (const { actor, consumed } of turns) {
          applied.set(actor.address, [
            ...(applied.get(actor.address) ?? []),
            ...consumed.map(({ event }) => event["n"]),
          ]);
        }
      }
    };
    const sender = async (own: Store, from: number): Promise<void> => {
      for (let n = from; n < total; n += 2) {
        await send(own, addresses[n % addresses.length] ?? "thread/0", { type: "go", n });
      }
    };
    await Promise.all([...nodes.flatMap((own) => [claimer(own), claimer(own)]), ...nodes.map(sender)]);
    for (const [index, address] of addresses.entries()) {
      const expected = Array.from(
        { length: total / addresses.length },
        (_, round) => index + round * addresses.length,
      );
      expect(applied.get(address)).toEqual(expected);
      expect((await store.getActor(address))?.version).toBe(1 + expected.length);
    }
    expect((await store.counts()).mail).toBe(0);
  });

  test("of two nodes that saw the same version without a lock, one is refused", async () => {
    const [first, second] = nodes;
    await commit(first, creation("thread/a"));
    await send(first, "thread/a", { type: "go" });
    const claim = await first.transaction((tx) => tx.claimActor("thread/a"));
    const turn = turnOf("thread/a", { consumed: claim?.mail ?? [] });
    const results = await Promise.allSettled([commit(first, turn), commit(second, turn)]);
    expect(refusalsAmong(results).map((reason) => isRouseError(reason, "conflict"))).toEqual([true]);
    expect((await first.getActor("thread/a"))?.version).toBe(2);
  });

  test("one exclusive key runs once, also when many claim at the same moment", async () => {
    const effectsRequested = Array.from({ length: 20 }, (_, n) =>
      effectRequest(n + 1, { exclusiveKey: `terminal-${n % 2}` }),
    );
    await commit(nodes[0], creation("thread/a", { effectsRequested }));
    let running = 0;
    let done = 0;
    const worker = async (own: Store, nodeId: string): Promise<void> => {
      while (done < effectsRequested.length) {
        const claimed = await claimWork(own, { nodeId, limit: 2, leaseMs: 60_000 });
        running += claimed.length;
        expect(running).toBeLessThanOrEqual(2);
        expect(new Set(claimed.map(({ exclusiveKey }) => exclusiveKey)).size).toBe(claimed.length);
        for (const { lease } of claimed) {
          running -= 1;
          await own.settleEffect(lease, { status: "done", output: null });
          done += 1;
        }
      }
    };
    await Promise.all(nodes.flatMap((own, index) => [0, 1].map((n) => worker(own, `node-${index}-${n}`))));
    expect(await nodes[0].listEffects({ status: "done", limit: 99 })).toHaveLength(20);
    expect((await nodes[0].listEffects({ limit: 99 })).every(({ attempt }) => attempt === 1)).toBe(true);
  });

  test("a timer that two nodes fire at once fires once", async () => {
    const timersArmed = Array.from({ length: 40 }, (_, n) => ({
      id: `t-${n}`,
      incarnation: 1,
      delayMs: 0,
      event: { type: "tick" },
    }));
    await commit(nodes[0], creation("thread/a", { timersArmed }));
    const fired = await Promise.all(
      nodes.flatMap((own) => [own.fireTimers({ limit: 30 }), own.fireTimers({ limit: 30 })]),
    );
    expect(fired.reduce((sum, round) => sum + round.fired, 0)).toBe(40);
    expect((await nodes[1].counts()).mail).toBe(40);
  });

  test("a lease is checked at the end of its transaction, after a take-over in the middle", async () => {
    const [first, second] = nodes;
    await commit(first, creation("thread/a", { effectsRequested: [effectRequest(1)] }));
    const [effect] = await claimWork(first, { leaseMs: 0 });
    if (effect === undefined) throw new Error("expected an effect");
    const report = first.transaction(
      async (tx) => {
        await tx.send([{ to: "thread/a", from: "zombie", event: { type: "late" } }]);
        expect(await second.claimExpiredEffects({ nodeId: "n-2", limit: 1, leaseMs: 9_000 })).toHaveLength(1);
      },
      { lease: effect.lease },
    );
    await expectRefusal(report, "lease_lost");
    expect((await first.counts()).mail).toBe(0);
  });

  test("who joins while a message waits for the thread is addressed by it", async () => {
    const [first, second] = nodes;
    await first.transaction((tx) => newThread(tx, "th-1", ["ann"]));
    const mayCommit = Promise.withResolvers<undefined>();
    const joined = Promise.withResolvers<undefined>();
    const join = first.transaction(async (tx) => {
      await tx.insertMember({ threadId: "th-1", agentId: "bob" });
      joined.resolve(undefined);
      await mayCommit.promise;
    });
    await joined.promise;
    const posting = second.transaction((tx) => post(tx, "th-1", "ann"));
    await blockedStatements(1);
    mayCommit.resolve(undefined);
    await join;
    expect((await posting).addressed).toEqual(["bob"]);
  });

  test("two commits that change the same rows in opposite order wait for each other, and both succeed", async () => {
    const [first, second] = nodes;
    const threads = ["th-1", "th-2", "th-3"];
    for (const threadId of threads) await first.transaction((tx) => newThread(tx, threadId, ["ann"]));
    await commit(
      first,
      creation("thread/a", {
        records: threads.map((threadId) => ({
          type: "wake.opened",
          params: { wakeId: `wake-${threadId}`, threadId, agentId: "ann", headSeq: 1, at: 1 },
        })),
      }),
      creation("thread/b"),
    );
    const changing = (address: Address, order: readonly string[]) =>
      turnOf(address, {
        records: order.flatMap((threadId): EngineRecord[] => [
          {
            type: "thread.statusChanged",
            params: { threadId, status: "active", by: address, reason: "", at: 2 },
          },
          {
            type: "wake.closed",
            params: { wakeId: `wake-${threadId}`, outcome: "read", reason: null, at: 2 },
          },
        ]),
      });
    const deadlocksBefore = await deadlocks();
    const mayEnd = Promise.withResolvers<undefined>();
    const held = Promise.withResolvers<undefined>();
    // Holds the first of one and the last of the other, so that both have begun before either can go on.
    const holder = one.transaction(async (sql) => {
      await sql`select 1 from rouse.thread where thread_id = 'th-1' for update`;
      await sql`select 1 from rouse.wake where wake_id = 'wake-th-1' for update`;
      held.resolve(undefined);
      await mayEnd.promise;
    });
    await held.promise;
    const turns = [
      commit(first, changing("thread/a", threads)),
      commit(second, changing("thread/b", threads.toReversed())),
    ];
    await blockedStatements(2);
    mayEnd.resolve(undefined);
    await Promise.all([holder, ...turns]);
    expect(await deadlocks()).toBe(deadlocksBefore);
  });

  test("who joins while the thread's status changes hears of the change", async () => {
    const [first, second] = nodes;
    await first.transaction((tx) => newThread(tx, "th-1", ["ann"]));
    await commit(first, creation("thread/th-1"));
    const mayCommit = Promise.withResolvers<undefined>();
    const joined = Promise.withResolvers<undefined>();
    const join = first.transaction(async (tx) => {
      await tx.insertMember({ threadId: "th-1", agentId: "bob" });
      await tx.commitTurns([creation("participant/th-1.bob", { subscriptions: ["thread/th-1"] })]);
      joined.resolve(undefined);
      await mayCommit.promise;
    });
    await joined.promise;
    const change = { threadId: "th-1", status: "closed", by: "ann", reason: "", at: 1 } as const;
    const closing = commit(
      second,
      turnOf("thread/th-1", {
        published: [{ topic: "thread/th-1", from: "thread/th-1", event: { type: "thread.reported" } }],
        records: [{ type: "thread.statusChanged", params: change }],
      }),
    );
    await blockedStatements(1);
    mayCommit.resolve(undefined);
    await Promise.all([join, closing]);
    const claim = await first.transaction((tx) => tx.claimActor("participant/th-1.bob"));
    expect(claim?.mail.map(({ event }) => event.type)).toEqual(["thread.reported"]);
  });

  test("time is the database's: constant within a transaction, and not ours", async () => {
    const [store] = nodes;
    const before = await databaseMs();
    await store.transaction(async (tx) => {
      await newThread(tx, "th-1", []);
      expect((await tx.getThread("th-1"))?.createdAt).toBe(tx.now);
      expect(tx.now).toBeGreaterThanOrEqual(Math.floor(before));
    });
  });

  test("a read-only transaction sees one state throughout", async () => {
    const [first, second] = nodes;
    await first.transaction(
      async (tx) => {
        expect(await tx.getSetting("mark")).toBeNull();
        await second.transaction((other) => other.putSetting("mark", 1));
        expect(await tx.getSetting("mark")).toBeNull();
      },
      { readOnly: true },
    );
    expect(await first.transaction((tx) => tx.getSetting("mark"))).toBe(1);
  });

  test("a database that is away is told by its own code, and the store works when it is back", async () => {
    const away = createPostgresStore({
      database: connect({ url: "postgres://nobody@127.0.0.1:1/none" }),
      workspaceId: "away",
    });
    await expectRefusal(away.getActor("thread/a"), "database_unavailable");
    await expectRefusal(away.fireTimers({ limit: 1 }), "database_unavailable");
    await expectRefusal(commit(away, creation("thread/a")), "database_unavailable");
    const [first] = nodes;
    const cut = first.transaction(async (tx) => {
      await tx.putSetting("mark", 1);
      await one.sql`
        select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and state like 'idle in transaction%'`;
      await tx.putSetting("mark", 2);
    });
    await expectRefusal(cut, "database_unavailable");
    expect(await first.transaction((tx) => tx.getSetting("mark"))).toBeNull();
  });

  test("a deadlock is a conflict: the call may be repeated", async () => {
    const [first, second] = nodes;
    await commit(first, creation("thread/a"), creation("thread/b"));
    const bothHold = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()] as const;
    const crossing = (own: Store, mine: 0 | 1) =>
      own.transaction(async (tx) => {
        await tx.claimActor(mine === 0 ? "thread/a" : "thread/b");
        bothHold[mine].resolve(undefined);
        await bothHold[mine === 0 ? 1 : 0].promise;
        await tx.claimActor(mine === 0 ? "thread/b" : "thread/a");
      });
    const results = await Promise.allSettled([crossing(first, 0), crossing(second, 1)]);
    expect(refusalsAmong(results).map((reason) => isRouseError(reason, "conflict"))).toEqual([true]);
  });
});

function refusalsAmong(results: readonly PromiseSettledResult<unknown>[]): unknown[] {
  return results.flatMap((result): unknown[] => (result.status === "rejected" ? [result.reason] : []));
}

async function deadlocks(): Promise<number> {
  const [row] = await one.sql`select deadlocks from pg_stat_database where datname = current_database()`;
  return Number(row?.["deadlocks"]);
}

async function databaseMs(): Promise<number> {
  const [row] = await one.sql`select extract(epoch from clock_timestamp()) * 1000 as ms`;
  return Number(row?.["ms"]);
}

/** Resolves when so many statements on this database wait for a lock. */
async function blockedStatements(count: number): Promise<void> {
  for (;;) {
    const rows = await one.sql`
      select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`;
    if (rows.length >= count) return;
  }
}
