import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Caller } from "../../../api/operations/caller.ts";
import { connect, type Database } from "../../../persistence/postgres/connect.ts";
import { migrate } from "../../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import type { Store, Transaction } from "../../../runtime/store.ts";
import { createTestDatabase, type TestDatabase } from "../../setup/database.ts";
import { callerOf, createWorld, type World } from "../world.ts";

/** Two calls whose statements interleave: only Postgres runs two transactions at once. */
describe("calls that meet", () => {
  let testDatabase: TestDatabase;
  let database: Database;
  let world: World;
  let lead: Caller;
  let workspaces = 0;
  /** Happens once, in another transaction, right before the named step of the next call. */
  let meanwhile: { step: keyof Transaction; happens: () => Promise<unknown> } | null = null;

  beforeAll(async () => {
    testDatabase = await createTestDatabase();
    database = connect({ url: testDatabase.url });
    await migrate(database);
  });

  beforeEach(async () => {
    workspaces += 1;
    const store = createPostgresStore({ database, workspaceId: `races-${workspaces}` });
    world = await createWorld(undefined, interrupted(store));
    lead = callerOf(world, "lead", "coordinator");
    await world.call("create_thread", lead, { thread_id: "th-1", title: "Review" });
  });

  afterAll(async () => {
    await database.close();
    await testDatabase.drop();
  });

  function interrupted(store: Store): Store {
    const watched = (tx: Transaction): Transaction =>
      new Proxy(tx, {
        get(target, name, receiver) {
          const member: unknown = Reflect.get(target, name, receiver);
          if (typeof member !== "function") return member;
          return async (...args: unknown[]): Promise<unknown> => {
            // Judged by the call: whoever wraps a transaction reads its methods sooner.
            const happens = name === meanwhile?.step ? meanwhile.happens : null;
            if (happens !== null) meanwhile = null;
            await happens?.();
            return Reflect.apply(member, target, args) as unknown;
          };
        },
      });
    return {
      ...store,
      transaction: (work, options) => store.transaction((tx) => work(watched(tx)), options),
    };
  }

  test("nobody joins a thread that is closed at the same moment", async () => {
    meanwhile = {
      step: "insertMember",
      happens: () =>
        world.call("update_thread_status", lead, { thread_id: "th-1", status: "closed", reason: "done" }),
    };
    const joining = world.call("add_participant", lead, { thread_id: "th-1", agent_id: "bob" });
    await expect(joining).rejects.toMatchObject({ code: "thread_closed" });
  });

  test("mail that turns passed over, because a call held its actor that was then refused, is rung for", async () => {
    const to = "thread/th-1" as const;
    const event = { type: "nobody.hears.this" };
    let ringsBefore = 0;
    meanwhile = {
      step: "commitTurns",
      happens: async () => {
        await world.store.transaction((tx) => tx.send([{ to, from: "test", event }]));
        await world.settle();
        ringsBefore = world.rings();
      },
    };
    const needless = { thread_id: "th-1", status: "active", reason: "no" };
    const refused = world.call("update_thread_status", lead, needless);
    await expect(refused).rejects.toMatchObject({ code: "transition_refused" });
    expect((await world.store.counts()).mail).toBe(1);
    expect(world.rings()).toBe(ringsBefore + 1);
  });

  test("who joins a thread that is resolved at the same moment knows it", async () => {
    meanwhile = {
      step: "insertMember",
      happens: () => world.call("update_thread_status", lead, { thread_id: "th-1", status: "resolved" }),
    };
    await world.call("add_participant", lead, { thread_id: "th-1", agent_id: "bob" });
    await world.settle();
    const actor = await world.store.getActor("participant/th-1.bob");
    expect(JSON.parse(actor?.record ?? "")).toMatchObject({
      snapshot: { context: { threadStatus: "resolved" } },
    });
  });

  test("who joins while a terminal of theirs reports hears of it", async () => {
    await world.call("register_runtime", lead, { agent_id: "bob", mode: "attach", runtime_id: "bobs" });
    await world.settle();
    let pausing: Promise<unknown> = Promise.resolve();
    meanwhile = {
      step: "commitTurns",
      happens: async () => {
        // Not awaited: it may have to wait for the join to end.
        pausing = world.call("pause_injection", lead, {
          scope: "runtime",
          runtime_id: "bobs",
          reason: "look",
        });
        await Promise.race([pausing, world.store.counts().then(() => world.store.counts())]);
      },
    };
    await world.call("add_participant", lead, { thread_id: "th-1", agent_id: "bob" });
    await pausing;
    await world.settle();
    const actor = await world.store.getActor("participant/th-1.bob");
    expect(JSON.parse(actor?.record ?? "")).toMatchObject({
      snapshot: { context: { agent: { runtime: { runtimeId: "bobs", injection: "paused" } } } },
    });
  });

  describe.each([
    { scope: "agent", agent_id: "bob" },
    { scope: "thread", thread_id: "th-1" },
    { scope: "workspace" },
  ])("with the switch of scope $scope", (scope) => {
    const reason = "look";
    beforeEach(async () => {
      await world.call("register_runtime", lead, { agent_id: "bob", mode: "attach", runtime_id: "bobs" });
    });

    test.each([
      { before: "pause_injection", switched: "resume_injection", pausedBy: [] },
      { before: "resume_injection", switched: "pause_injection", pausedBy: [scope.scope] },
    ])("who joins at the moment of $switched hears of it", async ({ before, switched, pausedBy }) => {
      await world.call(before, lead, { ...scope, reason });
      let switching: Promise<unknown> = Promise.resolve();
      meanwhile = {
        step: "commitTurns",
        happens: async () => {
          switching = world.call(switched, lead, { ...scope, reason });
          await Promise.race([switching, someoneWaits()]);
        },
      };
      await world.call("add_participant", lead, { thread_id: "th-1", agent_id: "bob" });
      await switching;
      await world.settle();
      const actor = await world.store.getActor("participant/th-1.bob");
      expect(JSON.parse(actor?.record ?? "")).toMatchObject({ snapshot: { context: { pausedBy } } });
    });
  });

  /** Until a transaction stands before another's lock. */
  function someoneWaits(): Promise<void> {
    return expect
      .poll(async () => {
        const [row] = await database.sql`
          select count(*)::int as waiting from pg_stat_activity
          where datname = current_database() and wait_event_type = 'Lock'`;
        return row?.["waiting"] as number;
      })
      .toBeGreaterThan(0);
  }
});
