import { describe, expect, test } from "vitest";

import type { EffectOutcome } from "../../../runtime/store.ts";
import {
  claimOne,
  claimWork,
  commit,
  creation,
  effectRequest,
  eventsOf,
  expectRefusal,
  mailOf,
  newSubject,
  turnOf,
  type OpenStore,
} from "./subject.ts";

const error = { code: "terminal_missing", message: "gone", retryable: false };
const renewMs = 1_000;

export function effectsConform(open: OpenStore): void {
  describe("effects", () => {
    test("a requested effect is claimed once, with a lease", async () => {
      const { store, clock } = newSubject(open);
      const request = effectRequest(3, { correlation: "wake-1", input: { text: "é\u001e" } });
      await commit(store, creation("thread/a", { effectsRequested: [request] }));
      const [effect, ...others] = await claimWork(store);
      expect(effect).toEqual({
        ...request,
        lease: { address: "thread/a", incarnation: 3, token: 1 },
        attempt: 1,
        startedBefore: false,
        requestedAt: clock.time,
      });
      expect(others).toEqual([]);
      expect(await claimWork(store, { nodeId: "node-2" })).toEqual([]);
    });

    test("only effects of the asked ports, and of this or any host, are claimed", async () => {
      const { store } = newSubject(open);
      const effectsRequested = [
        effectRequest(1, { host: "host-2" }),
        effectRequest(2, { port: "other" }),
        effectRequest(3, { host: "host-1" }),
        effectRequest(4),
      ];
      await commit(store, creation("thread/a", { effectsRequested }));
      const claimed = async (host: string, ports: string[]) =>
        (await claimWork(store, { host, ports })).map(({ incarnation }) => incarnation);
      expect(await claimed("host-1", [])).toEqual([]);
      expect(await claimed("host-1", ["doWork"])).toEqual([3, 4]);
      expect(await claimed("host-2", ["doWork", "other"])).toEqual([1, 2]);
    });

    test("at most so many are claimed, the oldest first", async () => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/b", { effectsRequested: [effectRequest(1)] }));
      clock.advance(1);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1), effectRequest(2)] }));
      const claimed = await claimWork(store, { limit: 2 });
      expect(claimed.map(({ lease }) => [lease.address, lease.incarnation])).toEqual([
        ["thread/b", 1],
        ["thread/a", 1],
      ]);
    });

    test("effects with one exclusive key never run side by side", async () => {
      const { store } = newSubject(open);
      const effectsRequested = [1, 2, 3].map((n) => effectRequest(n, { exclusiveKey: "terminal-1" }));
      await commit(
        store,
        creation("thread/a", { effectsRequested: [...effectsRequested, effectRequest(4)] }),
      );
      const [first, free, ...others] = await claimWork(store);
      expect([first?.incarnation, free?.incarnation, others.length]).toEqual([1, 4, 0]);
      expect(await claimWork(store)).toEqual([]);
      // Those that wait for their key hold up nobody else.
      await commit(store, creation("thread/b", { effectsRequested: [effectRequest(9)] }));
      expect((await claimWork(store)).map(({ incarnation }) => incarnation)).toEqual([9]);
      if (first !== undefined) await store.settleEffect(first.lease, { status: "done", output: null });
      expect((await claimWork(store)).map(({ incarnation }) => incarnation)).toEqual([2]);
    });

    test.each<[string, EffectOutcome, object]>([
      [
        "done",
        { status: "done", output: { bytes: 3 } },
        { type: "xstate.done.actor.work", output: { bytes: 3 } },
      ],
      ["failed", { status: "failed", error }, { type: "xstate.error.actor.work", error }],
      ["uncertain", { status: "uncertain", error }, { type: "xstate.error.actor.work", error }],
    ])("an effect that ends %s tells its actor", async (status, outcome, event) => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(5)] }));
      const { lease } = await claimOne(store);
      clock.advance(7);
      await store.settleEffect(lease, outcome);
      const cause = { type: "invoke", id: "work", incarnation: 5 };
      const mail = { from: "effect/doWork", event: { ...event, actorId: "work" }, cause, sentAt: clock.time };
      expect(await mailOf(store, "thread/a")).toMatchObject([mail]);
      expect(await store.listEffects({ limit: 5 })).toMatchObject([
        { status, attempt: 1, nodeId: "node-1", finishedAt: clock.time, startedAt: clock.time - 7 },
      ]);
      await expectRefusal(store.settleEffect(lease, outcome), "lease_lost");
      expect(await mailOf(store, "thread/a")).toHaveLength(1);
    });

    test("a retry waits its time and records its attempt", async () => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1)] }));
      const { lease } = await claimOne(store);
      expect(await store.nextEffectInMs()).toBeNull();
      await store.startEffect(lease);
      await store.settleEffect(lease, { status: "retry", error, delayMs: 500 });
      expect(await eventsOf(store, "thread/a")).toEqual([]);
      expect(await store.nextEffectInMs()).toBe(500);
      clock.advance(499);
      expect(await claimWork(store)).toEqual([]);
      clock.advance(1);
      expect(await store.nextEffectInMs()).toBeNull();
      const again = await claimOne(store);
      expect(again).toMatchObject({ attempt: 2, startedBefore: false, lease: { token: 2 } });
      await store.settleEffect(again.lease, { status: "done", output: undefined });
      expect(await store.listAttempts(lease)).toMatchObject([
        { attempt: 1, token: 1, nodeId: "node-1", outcome: "retry", error, startedAt: clock.time - 500 },
        { attempt: 2, token: 2, outcome: "done", error: null, startedAt: null, finishedAt: clock.time },
      ]);
    });

    test("a lease that runs out is taken over, with the mark of the first holder", async () => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1), effectRequest(2)] }));
      const [first, second] = await claimWork(store);
      if (first === undefined || second === undefined) throw new Error("expected two effects");
      await store.startEffect(first.lease);
      const takeOver = () => store.claimExpiredEffects({ nodeId: "node-2", limit: 10, leaseMs: 1_000 });
      clock.advance(999);
      expect(await takeOver()).toEqual([]);
      clock.advance(1);
      const taken = await takeOver();
      expect(
        taken.map(({ incarnation, startedBefore, attempt }) => [incarnation, startedBefore, attempt]),
      ).toEqual([
        [1, true, 2],
        [2, false, 2],
      ]);
      expect(await takeOver()).toEqual([]);
      expect(await store.listAttempts(first.lease)).toMatchObject([
        { attempt: 1, nodeId: "node-1", outcome: "expired", finishedAt: clock.time },
        { attempt: 2, nodeId: "node-2", outcome: null, finishedAt: null },
      ]);
    });

    test("a node that has just started takes back what its id still holds, and nothing of others", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1), effectRequest(2)] }));
      const [own] = await claimWork(store, { limit: 1 });
      const [other] = await claimWork(store, { nodeId: "node-2", limit: 1 });
      if (own === undefined || other === undefined) throw new Error("expected two effects");
      const request = { nodeId: "node-1", limit: 10, leaseMs: 1_000 };
      expect(await store.claimExpiredEffects(request)).toEqual([]);
      const taken = await store.claimExpiredEffects({ ...request, includingOwn: true });
      expect(taken.map(({ lease }) => lease.incarnation)).toEqual([own.lease.incarnation]);
      await expectRefusal(store.settleEffect(own.lease, { status: "done", output: 1 }), "lease_lost");
      expect(await store.renewLeases({ leases: [other.lease], leaseMs: 1_000 })).toEqual([]);
    });

    test("nothing is accepted from a holder whose lease was taken over", async () => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1)] }));
      const { lease } = await claimOne(store);
      clock.advance(1_000);
      const [taken] = await store.claimExpiredEffects({ nodeId: "node-2", limit: 1, leaseMs: 1_000 });
      const report = (tx: Parameters<Parameters<typeof store.transaction>[0]>[0]) =>
        tx.putSetting("zombie", true);
      await expectRefusal(store.startEffect(lease), "lease_lost");
      await expectRefusal(store.settleEffect(lease, { status: "done", output: 1 }), "lease_lost");
      await expectRefusal(store.settleEffect(lease, { status: "retry", error, delayMs: 0 }), "lease_lost");
      await expectRefusal(store.transaction(report, { lease }), "lease_lost");
      expect(await store.renewLeases({ leases: [lease], leaseMs: renewMs })).toEqual([lease]);
      expect(await store.transaction((tx) => tx.getSetting("zombie"))).toBeNull();
      expect(await mailOf(store, "thread/a")).toEqual([]);
      if (taken === undefined) throw new Error("expected a take-over");
      await store.settleEffect(taken.lease, { status: "done", output: 2 });
      expect(await eventsOf(store, "thread/a")).toMatchObject([{ output: 2 }]);
    });

    test("a renewal by the earlier holder does not extend the lease of the new one", async () => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1)] }));
      const { lease } = await claimOne(store);
      clock.advance(1_000);
      const takeOver = () => store.claimExpiredEffects({ nodeId: "node-2", limit: 1, leaseMs: 1_000 });
      expect(await takeOver()).toHaveLength(1);
      expect(await store.renewLeases({ leases: [lease], leaseMs: 60_000 })).toEqual([lease]);
      clock.advance(1_000);
      expect(await takeOver()).toHaveLength(1);
    });

    test("a renewed lease does not run out, also when the renewal came late but nobody took over", async () => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1)] }));
      const { lease } = await claimOne(store);
      clock.advance(1_500);
      expect(await store.renewLeases({ leases: [lease], leaseMs: renewMs })).toEqual([]);
      clock.advance(999);
      expect(await store.claimExpiredEffects({ nodeId: "node-2", limit: 1, leaseMs: 1_000 })).toEqual([]);
      await store.transaction((tx) => tx.putSetting("mark", 1), { lease });
      expect(await store.transaction((tx) => tx.getSetting("mark"))).toBe(1);
    });

    test("an effect that its chart cancels while it runs loses its lease", async () => {
      const { store, clock } = newSubject(open);
      const effectsRequested = [
        effectRequest(1, { exclusiveKey: "k" }),
        effectRequest(2, { exclusiveKey: "k" }),
      ];
      await commit(store, creation("thread/a", { effectsRequested }));
      const { lease } = await claimOne(store);
      clock.advance(10);
      await commit(store, turnOf("thread/a", { effectsCancelled: [{ incarnation: 1 }] }));
      await expectRefusal(store.startEffect(lease), "lease_lost");
      await expectRefusal(store.settleEffect(lease, { status: "done", output: 1 }), "lease_lost");
      await expectRefusal(
        store.transaction((tx) => tx.putSetting("a", 1), { lease }),
        "lease_lost",
      );
      expect(await store.renewLeases({ leases: [lease], leaseMs: renewMs })).toEqual([lease]);
      expect(await store.listAttempts(lease)).toMatchObject([
        { outcome: "cancelled", finishedAt: clock.time },
      ]);
      expect(await claimWork(store)).toEqual([]);
      await store.releaseEffect(lease);
      expect((await claimOne(store)).incarnation).toBe(2);
    });

    test("cancelling ends pending effects and leaves ended ones as they are", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1)] }));
      await store.settleEffect((await claimOne(store)).lease, { status: "done", output: 1 });
      const effectsRequested = [effectRequest(2), effectRequest(3)];
      const cancelled = [1, 2].map((incarnation) => ({ incarnation }));
      await commit(store, turnOf("thread/a", { effectsRequested }));
      const actor = { version: 3 };
      await commit(store, turnOf("thread/a", { expectedVersion: 2, actor, effectsCancelled: cancelled }));
      const statuses = (await store.listEffects({ limit: 9 })).map((effect) => [
        effect.incarnation,
        effect.status,
      ]);
      expect(statuses.toReversed()).toEqual([
        [1, "done"],
        [2, "cancelled"],
        [3, "pending"],
      ]);
      expect((await claimWork(store)).map(({ incarnation }) => incarnation)).toEqual([3]);
    });

    test("an effect that is asked for and cancelled in one turn never runs", async () => {
      const { store } = newSubject(open);
      const effectsCancelled = [{ incarnation: 1 }];
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1)], effectsCancelled }));
      expect(await claimWork(store)).toEqual([]);
      expect(await store.listEffects({ status: "cancelled", limit: 5 })).toHaveLength(1);
    });

    test("an incarnation asks for one effect only", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1)] }));
      await expectRefusal(
        commit(store, turnOf("thread/a", { effectsRequested: [effectRequest(1)] })),
        "conflict",
      );
    });

    test("effects are listed by actor and status, newest first", async () => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1)] }));
      clock.advance(1);
      await commit(store, creation("thread/b", { effectsRequested: [effectRequest(1), effectRequest(2)] }));
      const list = async (query: Parameters<typeof store.listEffects>[0]) =>
        (await store.listEffects(query)).map(({ address, incarnation }) => `${address}:${incarnation}`);
      expect(await list({ limit: 2 })).toEqual(["thread/b:2", "thread/b:1"]);
      expect(await list({ address: "thread/a", status: "pending", limit: 5 })).toEqual(["thread/a:1"]);
      expect(await list({ status: "done", limit: 5 })).toEqual([]);
    });
  });
}
