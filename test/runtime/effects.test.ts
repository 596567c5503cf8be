import { beforeEach, describe, expect, test } from "vitest";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { createMemoryStore } from "../../persistence/memory/store.ts";
import { outcomeOf, Performer } from "../../runtime/effects.ts";
import { RouseError } from "../../runtime/errors.ts";
import { Loop } from "../../runtime/loop.ts";
import { implementPort, type AnyPortImplementation } from "../../runtime/ports.ts";
import { Registry } from "../../runtime/registry.ts";
import type { Store } from "../../runtime/store.ts";
import { createEngine } from "../../runtime/command.ts";
import { turn } from "../../runtime/turn.ts";
import { ManualClock } from "../manual-clock.ts";
import { benchEntry, fetchPart, stampPart } from "./bench-chart.ts";

const leaseMs = 4_000;

describe("a performer", () => {
  let clock: ManualClock;
  let store: Store;
  /** Works under way, by actor; each ends when told. */
  let works: Map<string, PromiseWithResolvers<{ n: number }>[]>;
  let errors: unknown[];
  const registry = new Registry([benchEntry]);
  const doorbell = createMemoryDoorbell();

  beforeEach(() => {
    clock = new ManualClock();
    store = createMemoryStore({ workspaceId: "w", clock });
    works = new Map();
    errors = [];
  });

  /** So many actors, each of which has asked for this. */
  const ask = async (count: number, type: "fetch" | "stamp" = "fetch"): Promise<void> => {
    const engine = createEngine({ store, registry, doorbell });
    await store.transaction(async (tx) => {
      for (let n = 1; n <= count; n += 1) {
        await engine.create(tx, { kind: "bench", address: `bench/${n}`, input: { n } });
        await tx.send([{ to: `bench/${n}`, from: "test", event: { type } }]);
      }
    });
    while ((await turn({ store, registry, doorbell })) > 0);
  };
  const held = implementPort(fetchPart, ({ address }) => {
    const work = Promise.withResolvers<{ n: number }>();
    works.set(address, [...(works.get(address) ?? []), work]);
    return work.promise;
  });
  const performer = (given: Partial<ConstructorParameters<typeof Performer>[0]> = {}): Performer =>
    new Performer({
      store,
      ports: [held],
      nodeId: "node-1",
      host: "here",
      clock,
      leaseMs,
      concurrency: 2,
      onWritten: () => doorbell.ring(),
      onError: (error) => errors.push(error),
      ...given,
    });
  const outcomes = async (): Promise<Record<string, number>> => (await store.counts()).effects;

  test("takes no more work than it has slots", async () => {
    await ask(5);
    const busy = performer();
    expect(await busy.tick()).toBe(2);
    expect(await busy.tick()).toBe(0);
    expect(await outcomes()).toEqual({ pending: 3, running: 2 });
  });

  test("fills a slot as soon as it is free, without waiting for the next look", async () => {
    await ask(5);
    const busy = performer();
    const loop = new Loop({
      name: "effects",
      tick: async () => ({ againInMs: (await busy.tick()) > 0 ? 0 : 1_000 }),
      clock,
      doorbell,
      onError: (error) => errors.push(error),
    });
    loop.start();
    for (let done = 0; done < 5; done += 1) {
      await clock.advance(0);
      [...works.values()].flat()[done]!.resolve({ n: 1 });
    }
    await clock.advance(0);
    expect(await outcomes()).toEqual({ done: 5 });
    expect(errors).toEqual([]);
    await loop.stop();
  });

  test("fills a slot also when the work in it was withdrawn", async () => {
    await ask(2);
    const rings: number[] = [];
    const busy = performer({ concurrency: 1, onWritten: () => rings.push(busy.size) });
    await busy.tick();
    await store.transaction((tx) => tx.send([{ to: "bench/1", from: "test", event: { type: "leave" } }]));
    while ((await turn({ store, registry, doorbell })) > 0);
    await busy.renew();
    await clock.advance(0);
    expect(rings).toEqual([0]);
  });

  test("that takes its own work up again, before it noticed that the lease was lost, keeps the new lease", async () => {
    await ask(1);
    const stalled = performer();
    await stalled.tick();
    await clock.advance(leaseMs + 1);
    const [taken] = await store.claimExpiredEffects({ nodeId: "other", limit: 1, leaseMs });
    const error = { code: "draining", message: "going", retryable: true };
    await store.settleEffect(taken!.lease, { status: "retry", error, delayMs: 0 });
    await stalled.tick();
    expect(stalled.size).toBe(2);
    await stalled.renew();
    await clock.advance(leaseMs - 1);
    expect(stalled.size).toBe(1);
    await stalled.renew();
    await clock.advance(2);
    expect(await store.claimExpiredEffects({ nodeId: "other", limit: 1, leaseMs })).toEqual([]);
    works.get("bench/1")![1]!.resolve({ n: 1 });
    await stalled.settled();
    expect(await outcomes()).toEqual({ done: 1 });
  });

  describe("that takes over once-only work which was begun", () => {
    const stamps: AnyPortImplementation = implementPort(stampPart, async ({ input }) => input);

    test.each([
      ["knows the port", [stamps]],
      ["does not know the port", [held]],
    ])("and %s lets it end uncertain, wherever it ran", async (_, ports) => {
      await ask(1, "stamp");
      const request = { nodeId: "dead", host: "here", ports: ["stampPart"], limit: 1, leaseMs };
      const [claimed] = await store.claimEffects(request);
      await store.startEffect(claimed!.lease);
      await clock.advance(leaseMs + 1);
      const heir = performer({ nodeId: "heir", host: "elsewhere", ports });
      await heir.recover();
      expect(await outcomes()).toEqual({ uncertain: 1 });
    });
  });

  test("keeps a withdrawn stamp from the next one until it has really stopped", async () => {
    await ask(2, "stamp");
    const stamping = new Set<string>();
    const begun: string[] = [];
    const stops = new Map<string, PromiseWithResolvers<undefined>>();
    const stamps: AnyPortImplementation = implementPort(
      stampPart,
      async ({ address, input, markStarted }) => {
        await markStarted();
        begun.push(address);
        stamping.add(address);
        expect(stamping.size).toBe(1);
        const stop = Promise.withResolvers<undefined>();
        stops.set(address, stop);
        await stop.promise;
        stamping.delete(address);
        return input;
      },
    );
    const [one, two] = ["node-1", "node-2"].map((nodeId) => performer({ nodeId, ports: [stamps] }));
    if (one === undefined || two === undefined) throw new Error("two performers");
    await one.tick();
    await clock.advance(0);
    await store.transaction((tx) => tx.send([{ to: "bench/1", from: "test", event: { type: "leave" } }]));
    while ((await turn({ store, registry, doorbell })) > 0);
    await one.renew();
    await clock.advance(0);
    // The slot is free: the work was told to stop. The key is not: it has not stopped.
    expect([one.size, await two.tick()]).toEqual([0, 0]);
    stops.get("bench/1")?.resolve(undefined);
    await clock.advance(0);
    expect(await two.tick()).toBe(1);
    await clock.advance(0);
    expect(begun).toEqual(["bench/1", "bench/2"]);
    stops.get("bench/2")?.resolve(undefined);
    await two.settled();
    expect(await outcomes()).toEqual({ cancelled: 1, done: 1 });
  });

  test.each([
    ["has really stopped", 100, 100],
    ["had half a lease's time to stop", Infinity, leaseMs / 2],
  ])(
    "keeps a stamp that took too long from the next one until it %s",
    async (_, stopsAfterMs, freeAfterMs) => {
      await ask(2, "stamp");
      const begun: string[] = [];
      const stop = Promise.withResolvers<{ n: number }>();
      const stamps: AnyPortImplementation = implementPort(stampPart, async ({ address, markStarted }) => {
        await markStarted();
        begun.push(address);
        return address === "bench/1" ? stop.promise : new Promise<never>(() => {});
      });
      const [one, two] = ["node-1", "node-2"].map((nodeId) => performer({ nodeId, ports: [stamps] }));
      if (one === undefined || two === undefined) throw new Error("two performers");
      await one.tick();
      for (let second = 0; second < 5; second += 1) {
        await clock.advance(1_000);
        await one.renew();
      }
      expect(await two.tick()).toBe(0);
      if (stopsAfterMs !== Infinity) clock.after(stopsAfterMs, () => stop.resolve({ n: 1 }));
      await clock.advance(freeAfterMs - 1);
      await one.renew();
      expect(await two.tick()).toBe(0);
      await clock.advance(1);
      expect([one.size, await two.tick()]).toEqual([0, 1]);
      await clock.advance(0);
      expect(begun).toEqual(["bench/1", "bench/2"]);
      expect(await outcomes()).toEqual({ uncertain: 1, running: 1 });
      expect(await store.listEffects({ address: "bench/1", limit: 1 })).toMatchObject([
        { status: "uncertain", outcome: { details: { cause: "effect_timeout" } } },
      ]);
    },
  );

  test("gives a withdrawn stamp's key free when its node died, once the lease ran out", async () => {
    await ask(2, "stamp");
    await store.claimEffects({ nodeId: "dead", host: "here", ports: ["stampPart"], limit: 1, leaseMs });
    await store.transaction((tx) => tx.send([{ to: "bench/1", from: "test", event: { type: "leave" } }]));
    while ((await turn({ store, registry, doorbell })) > 0);
    const stamps: AnyPortImplementation = implementPort(stampPart, async ({ input }) => input);
    const heir = performer({ nodeId: "heir", ports: [stamps] });
    expect(await heir.tick()).toBe(0);
    await clock.advance(leaseMs);
    await heir.recover();
    expect(await heir.tick()).toBe(1);
    await heir.settled();
    expect(await outcomes()).toEqual({ cancelled: 1, done: 1 });
  });

  test("hands work back that another host has to do", async () => {
    await ask(1, "stamp");
    await store.claimEffects({ nodeId: "dead", host: "here", ports: ["stampPart"], limit: 1, leaseMs });
    await clock.advance(leaseMs + 1);
    await performer({ nodeId: "heir", host: "elsewhere" }).recover();
    expect(await outcomes()).toEqual({ pending: 1 });
  });

  test("tells when an outcome could not be recorded, and leaves the work to whoever takes it over", async () => {
    await ask(1);
    const away = new RouseError("database_unavailable", "away");
    const failing = performer({ store: { ...store, settleEffect: () => Promise.reject(away) } });
    await failing.tick();
    await clock.advance(0);
    works.get("bench/1")![0]!.resolve({ n: 1 });
    await clock.advance(2 * leaseMs);
    await failing.settled();
    expect(new Set(errors)).toEqual(new Set([away]));
    expect(await store.claimExpiredEffects({ nodeId: "heir", limit: 1, leaseMs })).toHaveLength(1);
  });

  test("that could not take back at first what its node held tries again before it claims anything", async () => {
    await ask(2);
    const request = { nodeId: "node-1", host: "here", ports: ["fetchPart"], limit: 1, leaseMs };
    await store.claimEffects(request);
    const away = new RouseError("database_unavailable", "away");
    let refusals = 1;
    const claimExpiredEffects: Store["claimExpiredEffects"] = (given) =>
      refusals-- > 0 ? Promise.reject(away) : store.claimExpiredEffects(given);
    const restarted = performer({ store: { ...store, claimExpiredEffects }, concurrency: 1 });
    await expect(restarted.tick()).rejects.toBe(away);
    expect(restarted.size).toBe(0);
    expect(await restarted.tick()).toBe(0);
    expect([...works.keys()]).toEqual(["bench/1"]);
  });

  test("that drains begins nothing, neither new work nor what others left", async () => {
    await ask(1);
    const draining = performer();
    await draining.drain(1_000);
    await store.claimEffects({ nodeId: "dead", host: "here", ports: ["fetchPart"], limit: 1, leaseMs });
    await clock.advance(leaseMs + 1);
    expect([await draining.tick(), await draining.recover()]).toEqual([0, 0]);
  });
});

describe("the outcome of a failed attempt", () => {
  const passing = new RouseError("terminal_failed", "not now");
  const watch = { ...fetchPart, timeoutMs: null };

  test("backs off twice as long each time, to a bound", () => {
    const port = { ...fetchPart, retry: { attempts: 100, backoffMs: 1_000, maxBackoffMs: 5_000 } };
    const waits = [1, 2, 3, 4, 90].map((attempt) =>
      outcomeOf(port, { error: passing, attempt, started: false }),
    );
    expect(waits).toMatchObject([1_000, 2_000, 4_000, 5_000, 5_000].map((delayMs) => ({ delayMs })));
  });

  test("of a watch is tried again as often as need be, unless the failure will not pass", () => {
    const late = { attempt: 1_000, started: false };
    expect(outcomeOf(watch, { ...late, error: passing })).toMatchObject({ status: "retry" });
    const gone = new RouseError("terminal_missing", "gone");
    expect(outcomeOf(watch, { ...late, error: gone })).toMatchObject({ status: "failed" });
  });

  test("is nobody's to record when the lease was lost", () => {
    const error = new RouseError("lease_lost", "taken");
    expect(outcomeOf(stampPart, { error, attempt: 1, started: true })).toBeNull();
  });

  test("of once-only work is uncertain after it began, also when the node drains, and names the cause", () => {
    const error = new RouseError("draining", "going");
    expect(outcomeOf(stampPart, { error, attempt: 1, started: true })).toMatchObject({
      status: "uncertain",
      error: { code: "effect_uncertain", details: { cause: "draining" } },
    });
    expect(outcomeOf(stampPart, { error, attempt: 1, started: false })).toMatchObject({ status: "retry" });
  });
});
