import { describe, expect, test } from "vitest";

import type { Transaction } from "../../../runtime/store.ts";
import { claimWork, commit, creation, effectRequest, expectRefusal, journalEntry } from "./subject.ts";
import { newToken } from "./tokens.ts";
import { newSubject, newThread, nodeBeat, post, send, type OpenStore } from "./subject.ts";

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

    test("what may share a transaction ends as it would alone, whatever becomes of the others", async () => {
      const { store } = newSubject(open);
      await store.transaction((tx) => newThread(tx, "th-1", ["ann", "bob"]));
      const call = (body: string, then?: (tx: Transaction) => Promise<unknown>) =>
        store.transaction(
          async (tx) => {
            const { message } = await post(tx, "th-1", "ann", { body });
            await then?.(tx);
            return message.seq;
          },
          { group: "posts" },
        );
      const outcomes = await Promise.allSettled([
        call("one"),
        call("lost", () => Promise.reject(new Error("changed my mind"))),
        call("nowhere", (tx) => post(tx, "th-9", "ann")),
        call("nobody", (tx) => tx.advanceCursor({ threadId: "th-1", agentId: "eve", seq: 1 })),
        call("two", (tx) => tx.advanceCursor({ threadId: "th-1", agentId: "bob", seq: 9 })),
      ]);
      expect(outcomes).toMatchObject([
        { status: "fulfilled" },
        { reason: { message: "changed my mind" } },
        { reason: { code: "thread_not_found" } },
        { reason: { code: "not_a_participant" } },
        { status: "fulfilled" },
      ]);
      const messages = await store.transaction((tx) =>
        tx.listMessages({ threadId: "th-1", afterSeq: 0, limit: 9 }),
      );
      expect(messages.map(({ seq }) => seq)).toEqual([1, 2]);
      expect(messages.map(({ body }) => body).toSorted()).toEqual(["one", "two"]);
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
      const beat = (nodeId: string, host: string) => store.beatNode(nodeBeat({ nodeId, host }));
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
      await store.removeNode({ nodeId: "n-1", instance: "one" });
      expect(await beat("n-3", "host-2")).toEqual({ lost: ["host-3"] });
    });

    test("counts tell what is there", async () => {
      const { store, clock } = newSubject(open);
      const timersArmed = [{ id: "t", incarnation: 1, delayMs: 9, event: { type: "tick" } }];
      const effectsRequested = [effectRequest(1), effectRequest(2)];
      await commit(store, creation("thread/a", { timersArmed, effectsRequested }), creation("thread/b"));
      await commit(store, creation("thread/c", { actor: { status: "done" } }));
      const sentAt = clock.time;
      await send(store, "thread/a", { type: "one" });
      clock.advance(5);
      await claimWork(store, { limit: 1 });
      expect(await store.counts()).toEqual({
        threads: {},
        actors: { active: 2, done: 1 },
        mail: 1,
        oldestMailAt: sentAt,
        quarantinedMail: 0,
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
          await tx.revokeToken({ jti: "j", expiresAt: tx.now + 1_000, reason: "r" });
          const session = { agentId: "ann", sessionId: null, expiresAt: tx.now + 1_000 };
          await tx.revokeTokensOf({ ...session, by: "pat", reason: "r" });
          await tx.insertSigningKey({ kid: "k", publicJwk: {}, privateJwk: {}, by: "pat" });
          await tx.insertToken(newToken("j"));
        });
      };
      await fill(store);
      const nothing = {
        threads: {},
        actors: {},
        mail: 0,
        oldestMailAt: null,
        quarantinedMail: 0,
        timers: 0,
        effects: {},
        deadLetters: 0,
        messages: 0,
      };
      expect(await neighbour.counts()).toEqual(nothing);
      expect(await neighbour.getActor("thread/a")).toBeNull();
      expect(await neighbour.listJournal({ limit: 5 })).toEqual([]);
      expect(await neighbour.listWakes({ limit: 5 })).toEqual([]);
      expect((await neighbour.listDeadLetters({ limit: 5 })).rows).toEqual([]);
      expect(await neighbour.fireTimers({ limit: 5 })).toEqual({ fired: 0, nextDueInMs: null });
      expect(await claimWork(neighbour)).toEqual([]);
      await expectRefusal(send(neighbour, "thread/a", { type: "x" }), "actor_not_found");
      await neighbour.transaction(async (tx) => {
        expect(await tx.getThread("th-1")).toBeNull();
        expect(await tx.getAgent("ann")).toBeNull();
        expect(await tx.getSetting("s")).toBeNull();
        expect(await tx.readTokenTrust()).toMatchObject({ keys: [], revoked: [], cutoffs: [] });
        expect((await tx.listTokens({ limit: 5 })).rows).toEqual([]);
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
