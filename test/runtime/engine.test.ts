import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Performer } from "../../runtime/effects.ts";
import type { Engine } from "../../runtime/engine.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { ActorRecord } from "../../runtime/kernel.ts";
import { implementPort, type PortCall } from "../../runtime/ports.ts";
import { Registry } from "../../runtime/registry.ts";
import { SnapshotCache } from "../../runtime/snapshot-cache.ts";
import type { ActorEvent, Store } from "../../runtime/store.ts";
import { createEngine } from "../../runtime/command.ts";
import { turn } from "../../runtime/turn.ts";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { ManualClock } from "../manual-clock.ts";
import { benchEntry, fetchPart, stampPart } from "./bench-chart.ts";
import { storeFixtures } from "./stores.ts";

/** Shorter than the ports' time limit, so that a stalled node loses its lease first. */
const leaseMs = 4_000;
type Work = (call: PortCall<{ n: number }>) => Promise<{ n: number }>;

const fixtures = [
  ...storeFixtures().map((fixture) => ({ ...fixture, keepsRecords: false })),
  ...storeFixtures().map((fixture) => ({
    ...fixture,
    name: `${fixture.name}, with records kept in memory`,
    keepsRecords: true,
  })),
];

describe.each(fixtures)("the engine $name", ({ open, close, keepsRecords }) => {
  let clock: ManualClock;
  let store: Store;
  let engine: Engine;
  let errors: unknown[];
  /** How often an effect said that it wrote something. */
  let writes: number;
  const registry = new Registry([benchEntry]);
  const doorbell = createMemoryDoorbell();
  const kept = keepsRecords ? { snapshots: new SnapshotCache() } : {};

  beforeEach(async () => {
    clock = new ManualClock();
    store = await open(clock);
    engine = createEngine({ store, registry, doorbell, ...kept });
    errors = [];
    writes = 0;
    await store.transaction(async (tx) => {
      await engine.create(tx, { kind: "bench", address: "bench/1", input: { n: 1 }, topics: ["everybody"] });
      await engine.create(tx, { kind: "bench", address: "bench/2", input: { n: 2 }, topics: ["everybody"] });
    });
  });

  afterEach(() => expect(errors).toEqual([]));
  afterAll(close);

  const send = (...types: string[]) =>
    store.transaction((tx) =>
      tx.send(types.map((type) => ({ to: "bench/1", from: "test", event: { type } }))),
    );
  const runTurns = async (): Promise<void> => {
    while ((await turn({ store, registry, doorbell, ...kept })) > 0);
  };
  const snapshotOf = async (address: "bench/1" | "bench/2" = "bench/1") => {
    const actor = await store.getActor(address);
    const { snapshot } = JSON.parse(actor?.record ?? "") as ActorRecord;
    const context = snapshot["context"] as { log: string[] };
    return { value: snapshot["value"], log: context.log, status: actor?.status, version: actor?.version };
  };
  const performer = (work: { fetch?: Work; stamp?: Work }, nodeId = "node-1", host = "here"): Performer =>
    new Performer({
      store,
      ports: [
        implementPort(fetchPart, work.fetch ?? (async ({ input }) => input)),
        implementPort(stampPart, work.stamp ?? (async ({ input }) => input)),
      ],
      nodeId,
      host,
      clock,
      leaseMs,
      concurrency: 4,
      onWritten: () => (writes += 1),
      onError: (error) => errors.push(error),
    });
  const performAll = async (each: Performer): Promise<void> => {
    await each.tick();
    await each.settled();
    await runTurns();
  };

  test("applies mail in order, once, and journals every event without gaps", async () => {
    await send("wait", "leave", "wait", "leave");
    await runTurns();
    await runTurns();
    const journal = await store.listJournal({ address: "bench/1", limit: 100 });
    expect(journal.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(journal.map(({ event }) => event.type)).toEqual([
      "actor.created",
      "wait",
      "leave",
      "wait",
      "leave",
    ]);
    expect(journal[1]).toMatchObject({ transitions: ["bench.idle wait#0"], states: ["bench.waiting"] });
    expect((await store.counts()).mail).toBe(0);
  });

  test("sends to one actor and publishes to every subscriber in the same commit", async () => {
    await send("tell", "shout");
    await runTurns();
    expect((await snapshotOf("bench/1")).log).toEqual(["told"]);
    expect((await snapshotOf("bench/2")).log).toEqual(["told", "told"]);
  });

  test("fires a timer when it is due and not earlier, once", async () => {
    await send("wait");
    await runTurns();
    await clock.advance(9_999);
    expect(await store.fireTimers({ limit: 10 })).toEqual({ fired: 0, nextDueInMs: 1 });
    await clock.advance(1);
    expect((await store.fireTimers({ limit: 10 })).fired).toBe(1);
    expect(await store.fireTimers({ limit: 10 })).toEqual({ fired: 0, nextDueInMs: null });
    await runTurns();
    expect(await snapshotOf()).toMatchObject({ value: "idle", log: ["waited"] });
  });

  test("a timer whose state was left in the same batch is never armed", async () => {
    await send("wait", "leave");
    await runTurns();
    expect(await store.listTimers("bench/1")).toEqual([]);
  });

  test("performs an effect after the commit and applies its outcome", async () => {
    await send("fetch");
    await runTurns();
    await performAll(performer({}));
    expect(await snapshotOf()).toMatchObject({ value: "idle", log: ["fetched"] });
  });

  test("retries a passing failure with backoff, and hands the error to the chart at the bound", async () => {
    let calls = 0;
    const failing = performer({
      fetch: async () => {
        calls += 1;
        throw new RouseError("terminal_failed", "not now");
      },
    });
    await send("fetch");
    await runTurns();
    for (const waitMs of [0, 1_000, 2_000]) {
      await clock.advance(waitMs);
      await performAll(failing);
    }
    expect(calls).toBe(3);
    expect((await snapshotOf()).log).toEqual(["failed terminal_failed"]);
  });

  test("a failure that will not pass is not retried", async () => {
    const failing = performer({ fetch: () => Promise.reject(new RouseError("not_found", "gone")) });
    await send("fetch");
    await runTurns();
    await performAll(failing);
    expect((await snapshotOf()).log).toEqual(["failed not_found"]);
  });

  test("an output that fails its schema is an error, not a result", async () => {
    const wrong = performer({ fetch: async () => ({ n: "one" }) as never });
    await send("fetch");
    await runTurns();
    await performAll(wrong);
    expect((await snapshotOf()).log).toEqual(["failed port_value_invalid"]);
  });

  test("work that outlasts its time limit is aborted and counts as a passing failure", async () => {
    let reason: unknown;
    const slow = performer({
      fetch: ({ signal }) =>
        new Promise((_resolve, reject) => {
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            reject(signal.reason as Error);
          });
        }),
    });
    await send("fetch");
    await runTurns();
    await slow.tick();
    await clock.advance(5_000);
    await slow.settled();
    expect(reason).toMatchObject({ code: "effect_timeout" });
    expect(await store.listEffects({ status: "pending", limit: 10 })).toHaveLength(1);
  });

  test("leaving the state withdraws the effect: it stops, and its outcome is refused", async () => {
    const gate = Promise.withResolvers<{ n: number }>();
    let aborted = false;
    const held = performer({
      fetch: ({ signal }) => {
        signal.addEventListener("abort", () => (aborted = true));
        return gate.promise;
      },
    });
    await send("fetch");
    await runTurns();
    await held.tick();
    await send("leave");
    await runTurns();
    await held.renew();
    expect(aborted).toBe(true);
    gate.resolve({ n: 1 });
    await held.settled();
    await runTurns();
    expect(await snapshotOf()).toMatchObject({ value: "idle", log: [] });
    expect(await store.listEffects({ status: "cancelled", limit: 10 })).toHaveLength(1);
  });

  describe("when a node dies", () => {
    test("its repeatable work is done by another", async () => {
      await send("fetch");
      await runTurns();
      await store.claimEffects({ nodeId: "dead", host: "here", ports: ["fetchPart"], limit: 1, leaseMs });
      const heir = performer({}, "heir");
      await heir.recover();
      expect((await snapshotOf()).log).toEqual([]);
      await clock.advance(leaseMs + 1);
      await heir.recover();
      await heir.settled();
      await runTurns();
      expect((await snapshotOf()).log).toEqual(["fetched"]);
    });

    test("and starts again, it does not wait for its own lease to run out", async () => {
      await send("fetch");
      await runTurns();
      const request = { nodeId: "same", host: "here", ports: ["fetchPart"], limit: 1, leaseMs };
      expect(await store.claimEffects(request)).toHaveLength(1);
      await performAll(performer({}, "same"));
      expect((await snapshotOf()).log).toEqual(["fetched"]);
    });

    test("of its work, again and again, the work fails in the end", async () => {
      await send("fetch");
      await runTurns();
      await store.claimEffects({ nodeId: "dead", host: "here", ports: ["fetchPart"], limit: 1, leaseMs });
      let begun = 1;
      for (let round = 0; round < 20; round += 1) {
        await clock.advance(leaseMs + 1);
        await performer({ fetch: () => ((begun += 1), new Promise(() => {})) }, `heir-${begun}`).recover();
      }
      await runTurns();
      expect((await snapshotOf()).log).toEqual(["failed internal"]);
      expect(begun).toBe(fetchPart.retry.attempts + 5);
    });

    test("after the first outside act of once-only work, the outcome is uncertain and nothing is repeated", async () => {
      let stamps = 0;
      await send("stamp");
      await runTurns();
      const request = { nodeId: "dead", host: "here", ports: ["stampPart"], limit: 1, leaseMs };
      const [claimed] = await store.claimEffects(request);
      await store.startEffect(claimed!.lease);
      await clock.advance(leaseMs + 1);
      const heir = performer({ stamp: async ({ input }) => ((stamps += 1), input) }, "heir");
      await heir.recover();
      await heir.settled();
      await performAll(heir);
      expect(stamps).toBe(0);
      expect((await snapshotOf()).log).toEqual(["not stamped effect_uncertain"]);
    });

    test("before the first outside act, once-only work is done by another", async () => {
      await send("stamp");
      await runTurns();
      await store.claimEffects({ nodeId: "dead", host: "here", ports: ["stampPart"], limit: 1, leaseMs });
      await clock.advance(leaseMs + 1);
      const heir = performer({}, "heir");
      await heir.recover();
      await heir.settled();
      await runTurns();
      expect((await snapshotOf()).log).toEqual(["stamped"]);
    });

    test("and was only stalled, its late result is refused", async () => {
      const gate = Promise.withResolvers<{ n: number }>();
      const stalled = performer({ fetch: () => gate.promise }, "stalled");
      await send("fetch");
      await runTurns();
      await stalled.tick();
      await clock.advance(leaseMs + 1);
      const heir = performer({ fetch: () => Promise.reject(new RouseError("not_found", "gone")) }, "heir");
      await heir.recover();
      await heir.settled();
      gate.resolve({ n: 1 });
      await stalled.settled();
      await runTurns();
      expect((await snapshotOf()).log).toEqual(["failed not_found"]);
    });
  });

  test("once-only work that fails after its first outside act is uncertain, whatever the error", async () => {
    const failing = performer({
      stamp: async ({ markStarted }) => {
        await markStarted();
        throw new RouseError("terminal_failed", "half way");
      },
    });
    await send("stamp");
    await runTurns();
    await performAll(failing);
    expect((await snapshotOf()).log).toEqual(["not stamped effect_uncertain"]);
  });

  test("work bound to a host is left to that host", async () => {
    await send("stamp");
    await runTurns();
    expect(await performer({}, "node-2", "elsewhere").tick()).toBe(0);
    await performAll(performer({}));
    expect((await snapshotOf()).log).toEqual(["stamped"]);
  });

  test("a report rings for whoever waits, and so does the end of the work", async () => {
    const gate = Promise.withResolvers<{ n: number }>();
    const reporting = performer({
      fetch: async ({ report }) => {
        await report({ type: "told" });
        return gate.promise;
      },
    });
    await send("fetch");
    await runTurns();
    await reporting.tick();
    await vi.waitFor(() => expect(writes).toBe(1), 15_000);
    gate.resolve({ n: 1 });
    await reporting.settled();
    expect(writes).toBe(2);
  });

  test("an outcome is not lost while the database is away for a moment", async () => {
    const settleEffect = vi.spyOn(store, "settleEffect");
    const away = new RouseError("database_unavailable", "away");
    settleEffect.mockRejectedValueOnce(away).mockRejectedValueOnce(away);
    const working = performer({});
    await send("fetch");
    await runTurns();
    await working.tick();
    await vi.waitFor(() => expect(settleEffect).toHaveBeenCalledTimes(1), 15_000);
    await clock.advance(1_000);
    await working.settled();
    expect(errors.splice(0)).toEqual([away, away]);
    await runTurns();
    expect((await snapshotOf()).log).toEqual(["fetched"]);
  });

  test("a report of an effect that was withdrawn is refused", async () => {
    let call: PortCall<{ n: number }> | undefined;
    const gate = Promise.withResolvers<{ n: number }>();
    const reporting = performer({ fetch: (given) => ((call = given), gate.promise) });
    await send("fetch");
    await runTurns();
    await reporting.tick();
    await call?.report({ type: "told" });
    await send("leave");
    await runTurns();
    await expect(call?.report({ type: "told" })).rejects.toMatchObject({ code: "lease_lost" });
    gate.resolve({ n: 1 });
    await reporting.settled();
    await runTurns();
    expect((await snapshotOf()).log).toEqual(["told"]);
  });

  test("draining hands running work back for another node", async () => {
    const draining = performer({ fetch: () => new Promise(() => {}) });
    await send("fetch");
    await runTurns();
    await draining.tick();
    const drained = draining.drain(1_000);
    await clock.advance(1_000);
    await drained;
    expect(await draining.tick()).toBe(0);
    await performAll(performer({}, "heir"));
    expect((await snapshotOf()).log).toEqual(["fetched"]);
  });

  test("an event that throws is set aside as a dead letter, and only its actor stops", async () => {
    await send("tell", "poison", "tell");
    await runTurns();
    expect(await snapshotOf()).toMatchObject({ status: "quarantined", value: "idle" });
    expect((await store.listDeadLetters({ limit: 10 })).rows).toMatchObject([
      {
        address: "bench/1",
        event: { type: "poison" },
        error: { message: expect.stringContaining("boom") as string },
      },
    ]);
    expect((await snapshotOf("bench/2")).log).toEqual(["told"]);
    expect((await store.counts()).quarantinedMail).toBe(1);
  });

  test("an actor whose chart is not here is left to nodes that have it", async () => {
    await send("tell");
    while ((await turn({ store, registry: new Registry([]), doorbell, ...kept })) > 0);
    expect(await snapshotOf()).toMatchObject({ status: "active", version: 1 });
    await runTurns();
    expect(await snapshotOf()).toMatchObject({ status: "active", version: 2 });
  });

  describe("a command", () => {
    const command = (event: ActorEvent, to: "bench/1" | "bench/9" = "bench/1") =>
      store.transaction((tx) => engine.command(tx, { to, event, from: "operator" }));

    test("is applied at once, after the mail that waits, and says what it did", async () => {
      await send("wait");
      const result = await command({ type: "leave" });
      expect(result).toMatchObject({ taken: true, before: ["bench.waiting"], after: ["bench.idle"] });
      expect(await turn({ store, registry, doorbell, ...kept })).toBe(0);
    });

    test("that matches no transition says so", async () => {
      expect(await command({ type: "leave" })).toMatchObject({ taken: false, before: ["bench.idle"] });
    });

    test("is taken back with the transaction it stands in", async () => {
      const failing = store.transaction(async (tx) => {
        await engine.command(tx, { to: "bench/1", event: { type: "wait" }, from: "operator" });
        throw new Error("no");
      });
      await expect(failing).rejects.toThrow("no");
      expect(await snapshotOf()).toMatchObject({ value: "idle", version: 1 });
    });

    test("to an unknown or a quarantined actor is refused", async () => {
      await expect(command({ type: "wait" }, "bench/9")).rejects.toMatchObject({ code: "actor_not_found" });
      await send("poison");
      await runTurns();
      await expect(command({ type: "wait" })).rejects.toMatchObject({ code: "actor_quarantined" });
    });
  });

  test("creating an actor twice is refused", async () => {
    const again = store.transaction((tx) =>
      engine.create(tx, { kind: "bench", address: "bench/1", input: { n: 1 } }),
    );
    await expect(again).rejects.toMatchObject({ code: "already_exists" });
  });

  test("two nodes turning at once apply every event exactly once", async () => {
    await Promise.all(Array.from({ length: 40 }, (_, index) => send(index % 2 === 0 ? "wait" : "leave")));
    const turns = Array.from({ length: 4 }, async () => {
      for (let idle = 0; idle < 3;) {
        const moved = await turn({ store, registry, doorbell, ...kept }).catch((error: unknown) => {
          if ((error as RouseError).code !== "conflict") throw error;
          return 1;
        });
        idle = moved === 0 ? idle + 1 : 0;
      }
    });
    await Promise.all(turns);
    const journal = await store.listJournal({ address: "bench/1", limit: 200 });
    expect(journal.map(({ seq }) => seq)).toEqual(Array.from({ length: 41 }, (_, index) => index + 1));
  });
});
