import { describe, expect, test } from "vitest";

import { claimWork, commit, creation, effectRequest, expectRefusal, journalEntry } from "./subject.ts";
import { newSubject, newThread, post, send, type OpenStore } from "./subject.ts";

export function operationsConform(open: OpenStore): void {
  describe("agents", () => {
    test("an agent is put, changed and listed in pages", async () => {
      const { store } = newSubject(open);
      await store.transaction(async (tx) => {
        for (const agentId of ["cy", "ann", "bob"]) {
          await tx.putAgent({
            agentId,
            kind: "generic",
            definition: { command: ["a b", '"'] },
            host: "host-1",
          });
        }
        await tx.putAgent({ agentId: "ann", kind: null, definition: null, host: null });
        await tx.pauseAgent({ agentId: "bob", paused: true });
      });
      const first = await store.transaction((tx) => tx.listAgents({ limit: 2 }));
      const nothing = { session: null, lastHeartbeatAt: null };
      expect(first.rows).toEqual([
        { agentId: "ann", kind: null, definition: null, host: null, paused: false, ...nothing },
        {
          agentId: "bob",
          kind: "generic",
          definition: { command: ["a b", '"'] },
          host: "host-1",
          paused: true,
          ...nothing,
        },
      ]);
      const second = await store.transaction((tx) => tx.listAgents({ limit: 2, after: first.next ?? "" }));
      expect(second.rows.map(({ agentId }) => agentId)).toEqual(["cy"]);
      expect(await store.transaction((tx) => tx.getAgent("dan"))).toBeNull();
      await store.transaction((tx) => tx.pauseAgent({ agentId: "dan", paused: true }));
      const dan = await store.transaction((tx) => tx.getAgent("dan"));
      expect(dan).toMatchObject({ agentId: "dan", kind: null, definition: null, paused: true });
    });

    test("a heartbeat creates the agent, moves its time forward and leaves what it does not tell", async () => {
      const { store, clock } = newSubject(open);
      const session = { sessionId: "s-1", host: "host-1", resumable: true };
      const beat = (own: typeof session | null) =>
        store.transaction((tx) => tx.recordHeartbeat({ agentId: "ann", session: own }));
      const first = await beat(session);
      expect(first).toMatchObject({
        agentId: "ann",
        kind: null,
        session,
        lastHeartbeatAt: clock.time,
        paused: false,
      });
      await store.transaction((tx) =>
        tx.putAgent({ agentId: "ann", kind: "generic", definition: {}, host: "h" }),
      );
      clock.advance(5);
      const second = await beat(null);
      expect(second).toMatchObject({ kind: "generic", session, lastHeartbeatAt: clock.time });
      const other = { sessionId: "s-2", host: "host-2", resumable: false };
      expect((await beat(other)).session).toEqual(other);
    });
  });

  describe("operations", () => {
    test("an idempotency key is used once per caller", async () => {
      const { store } = newSubject(open);
      const record = { operation: "post", fingerprint: "f", response: { seq: 1 } };
      const put = (caller: string) =>
        store.transaction((tx) => tx.putIdempotent({ caller, key: "k" }, record));
      await put("ann");
      await put("bob");
      await expectRefusal(put("ann"), "conflict");
      const get = (key: string) => store.transaction((tx) => tx.getIdempotent({ caller: "ann", key }));
      expect(await get("k")).toEqual(record);
      expect(await get("other")).toBeNull();
    });

    test("of two calls at once with one key, one is refused and writes nothing", async () => {
      const { store } = newSubject(open);
      await store.transaction((tx) => newThread(tx, "th-1", []));
      const call = () =>
        store.transaction(async (tx) => {
          const { message } = await post(tx, "th-1", "ann");
          const record = { operation: "post", fingerprint: "f", response: message };
          await tx.putIdempotent({ caller: "ann", key: "k" }, record);
        });
      const results = await Promise.allSettled([call(), call(), call()]);
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      expect((await store.counts()).messages).toBe(1);
    });

    test("audit entries are listed newest first, in pages", async () => {
      const { store, clock } = newSubject(open);
      const entry = (n: number) => ({
        actor: "ann",
        role: "operator" as const,
        operation: "post",
        subject: `th-${n}`,
        outcome: n === 2 ? ("refused" as const) : ("done" as const),
        code: n === 2 ? "forbidden" : null,
        reason: n === 2 ? "no" : null,
        details: { n },
        requestId: null,
      });
      for (const n of [1, 2, 3]) await store.transaction((tx) => tx.appendAudit(entry(n)));
      const first = await store.listAudit({ limit: 2 });
      expect(first.rows).toEqual([3, 2].map((n) => ({ ...entry(n), at: clock.time })));
      const second = await store.listAudit({ limit: 2, after: first.next ?? "" });
      expect(second).toEqual({ rows: [{ ...entry(1), at: clock.time }], next: null });
    });

    test("a revoked token stays revoked", async () => {
      const { store, clock } = newSubject(open);
      const revoke = (reason: string) =>
        store.transaction((tx) => tx.revokeToken({ jti: "j-1", expiresAt: clock.time + 1, reason }));
      await revoke("lost");
      await revoke("again");
      expect(await store.transaction((tx) => tx.isTokenRevoked("j-1"))).toBe(true);
      expect(await store.transaction((tx) => tx.isTokenRevoked("j-2"))).toBe(false);
    });

    test("settings hold any JSON value", async () => {
      const { store } = newSubject(open);
      const put = (value: unknown) => store.transaction((tx) => tx.putSetting("keys", value));
      const get = () => store.transaction((tx) => tx.getSetting("keys"));
      expect(await get()).toBeNull();
      for (const value of [{ a: [1, "x"] }, "text", false, null]) {
        await put(value);
        expect(await get()).toEqual(value);
      }
    });

    test("a host is lost when none of its nodes was heard of for so long; a removed node is not missed", async () => {
      const { store, clock } = newSubject(open);
      const beat = (nodeId: string, host: string) =>
        store.beatNode({ nodeId, host, url: "http://127.0.0.1:1", lostAfterMs: 1_000 });
      expect(await beat("n-1", "host-1")).toEqual({ lost: [] });
      await beat("n-2", "host-2");
      await beat("n-3", "host-2");
      await beat("n-4", "host-3");
      clock.advance(999);
      expect(await beat("n-1", "host-1")).toEqual({ lost: [] });
      await beat("n-3", "host-2");
      clock.advance(1);
      expect(await beat("n-1", "host-1")).toEqual({ lost: ["host-3"] });
      clock.advance(5_000);
      await store.removeNode("n-1");
      expect(await beat("n-3", "host-2")).toEqual({ lost: [] });
    });

    test("a lost host is told once, to one node, and again only after it was back", async () => {
      const { store, clock } = newSubject(open);
      const beat = async (nodeId: string, host: string) =>
        (await store.beatNode({ nodeId, host, url: "http://127.0.0.1:1", lostAfterMs: 1_000 })).lost;
      await beat("n-1", "host-1");
      await beat("n-2", "host-2");
      await beat("n-3", "host-2");
      clock.advance(1_000);
      const told = await Promise.all(["n-4", "n-5", "n-6"].map((nodeId) => beat(nodeId, "host-4")));
      expect(told.flat().toSorted()).toEqual(["host-1", "host-2"]);
      clock.advance(500);
      expect(await beat("n-4", "host-4")).toEqual([]);
      expect(await beat("n-3", "host-2")).toEqual([]);
      clock.advance(1_000);
      expect(await beat("n-4", "host-4")).toEqual(["host-2"]);
    });

    test("counts tell what is there", async () => {
      const { store } = newSubject(open);
      const timersArmed = [{ id: "t", incarnation: 1, delayMs: 9, event: { type: "tick" } }];
      const effectsRequested = [effectRequest(1), effectRequest(2)];
      await commit(store, creation("thread/a", { timersArmed, effectsRequested }), creation("thread/b"));
      await commit(store, creation("thread/c", { actor: { status: "done" } }));
      await send(store, "thread/a", { type: "one" });
      await claimWork(store, { limit: 1 });
      expect(await store.counts()).toEqual({
        actors: { active: 2, done: 1 },
        mail: 1,
        timers: 1,
        effects: { pending: 1, running: 1 },
        deadLetters: 0,
        messages: 0,
      });
    });
  });

  describe("workspaces", () => {
    test("two workspaces see nothing of each other", async () => {
      const { store, neighbour, clock } = newSubject(open);
      const wake = { wakeId: "w", threadId: "th-1", agentId: "ann", headSeq: 1, at: 1 };
      const changes = {
        subscriptions: ["news"],
        timersArmed: [{ id: "t", incarnation: 1, delayMs: 0, event: { type: "tick" } }],
        effectsRequested: [effectRequest(1, { exclusiveKey: "k", correlation: "w" })],
        journal: [journalEntry(1)],
        records: [{ type: "wake.opened" as const, params: wake }],
        outgoing: [{ to: "thread/none" as const, from: "thread/a", event: { type: "lost" } }],
      };
      const fill = async (own: typeof store) => {
        await commit(own, creation("thread/a", changes));
        await own.transaction(async (tx) => {
          await newThread(tx, "th-1", ["ann", "bob"]);
          await post(tx, "th-1", "ann");
          await tx.putAgent({ agentId: "ann", kind: null, definition: null, host: null });
          await tx.putSetting("s", own.workspaceId);
          await tx.putIdempotent(
            { caller: "ann", key: "k" },
            { operation: "o", fingerprint: "f", response: 1 },
          );
          await tx.revokeToken({ jti: "j", expiresAt: 1, reason: "r" });
        });
      };
      await fill(store);
      const nothing = { actors: {}, mail: 0, timers: 0, effects: {}, deadLetters: 0, messages: 0 };
      expect(await neighbour.counts()).toEqual(nothing);
      expect(await neighbour.getActor("thread/a")).toBeNull();
      expect(await neighbour.listJournal({ limit: 5 })).toEqual([]);
      expect(await neighbour.listWakes({ limit: 5 })).toEqual([]);
      expect(await neighbour.listDeadLetters({ limit: 5 })).toEqual([]);
      expect(await neighbour.fireTimers({ limit: 5 })).toEqual({ fired: 0, nextDueInMs: null });
      expect(await claimWork(neighbour)).toEqual([]);
      await expectRefusal(send(neighbour, "thread/a", { type: "x" }), "actor_not_found");
      await neighbour.transaction(async (tx) => {
        expect(await tx.getThread("th-1")).toBeNull();
        expect(await tx.getAgent("ann")).toBeNull();
        expect(await tx.getSetting("s")).toBeNull();
        expect(await tx.isTokenRevoked("j")).toBe(false);
        expect(await tx.getIdempotent({ caller: "ann", key: "k" })).toBeNull();
        expect((await tx.listUnreadMembers({ limit: 5 })).rows).toEqual([]);
        expect(await tx.claimReady({ actors: 5, mailPerActor: 5 })).toEqual([]);
        await tx.publish({ topic: "news", from: "x", event: { type: "x" } });
      });
      const before = await store.counts();
      await fill(neighbour);
      // One exclusive key runs once in each workspace.
      expect(await claimWork(store)).toHaveLength(1);
      const [foreign] = await claimWork(neighbour);
      expect(foreign?.lease).toEqual({ address: "thread/a", incarnation: 1, token: 1 });
      clock.advance(5_000);
      expect(await neighbour.claimExpiredEffects({ nodeId: "n", limit: 5, leaseMs: 1 })).toHaveLength(1);
      expect(await store.counts()).toEqual({ ...before, effects: { running: 1 } });
      expect(await store.transaction((tx) => tx.getSetting("s"))).toBe(store.workspaceId);
    });
  });
}
