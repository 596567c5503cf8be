import { describe, expect, test } from "vitest";

import type { Store } from "../../../runtime/store.ts";
import {
  claimWork,
  commit,
  creation,
  effectRequest,
  expectRefusal,
  mailOf,
  newSubject,
  nodeBeat,
  send,
  turnOf,
  type OpenStore,
} from "./subject.ts";

const error = { code: "internal", message: "guard threw", retryable: false };
const cause = { type: "timer" as const, id: "t", incarnation: 4 };
const ann = { by: "ann", reason: "repaired" };

/** One actor in quarantine with the dead letter that led there; more mail waits. */
async function setAside(store: Store): Promise<string> {
  await commit(store, creation("thread/a"));
  await send(store, "thread/a", { type: "poison" }, "bob");
  const [mail] = await mailOf(store, "thread/a");
  if (mail === undefined) throw new Error("expected mail");
  const deadLetters = [{ mail: { ...mail, cause }, error }];
  await commit(
    store,
    turnOf("thread/a", { actor: { status: "quarantined" }, consumed: [mail], deadLetters }),
  );
  await send(store, "thread/a", { type: "later" });
  const { rows } = await store.listDeadLetters({ limit: 1 });
  return rows[0]?.deadLetterId ?? "";
}

const decide = (
  store: Store,
  deadLetterId: string,
  status: "requeued" | "discarded",
  who: typeof ann = ann,
) => store.transaction((tx) => tx.decideDeadLetter({ deadLetterId, status, ...who }));

export function failureConforms(open: OpenStore): void {
  describe("dead letters", () => {
    test("tell the mail, its cause, the error and the journal entry, and stay open", async () => {
      const { store, clock } = newSubject(open);
      const deadLetterId = await setAside(store);
      const letter = {
        ...{ deadLetterId, address: "thread/a", event: { type: "poison" }, from: "bob", cause, error },
        ...{ at: clock.time, journalSeq: 2, status: "open", decision: null },
      };
      expect(await store.getDeadLetter(deadLetterId)).toEqual(letter);
      expect(await store.listDeadLetters({ limit: 5 })).toEqual({ rows: [letter], next: null });
      expect(await store.getDeadLetter("999999")).toBeNull();
      expect(await store.getDeadLetter("x")).toBeNull();
    });

    test("are listed newest first in pages, by actor, code and status", async () => {
      const { store } = newSubject(open);
      const first = await setAside(store);
      const outgoing = ["thread/x", "thread/y"].map((to) => ({
        ...{ to: to as "thread/x", from: "thread/b", event: { type: "lost" } },
      }));
      await commit(store, creation("thread/b", { outgoing }));
      const list = async (query: Partial<Parameters<Store["listDeadLetters"]>[0]>) => {
        const { rows, next } = await store.listDeadLetters({ limit: 9, ...query });
        return { addresses: rows.map(({ address }) => address), next };
      };
      const page = await store.listDeadLetters({ limit: 2 });
      expect(page.rows.map(({ address }) => address)).toEqual(["thread/y", "thread/x"]);
      expect(await list({ after: page.next ?? "" })).toEqual({ addresses: ["thread/a"], next: null });
      expect((await list({ address: "thread/x" })).addresses).toEqual(["thread/x"]);
      expect((await list({ code: "internal" })).addresses).toEqual(["thread/a"]);
      await decide(store, first, "discarded");
      expect((await list({ status: "discarded" })).addresses).toEqual(["thread/a"]);
      expect((await list({ status: "open" })).addresses).toEqual(["thread/y", "thread/x"]);
      expect((await store.counts()).deadLetters).toBe(2);
    });

    test("are put back at the end of the mailbox, with their cause, once", async () => {
      const { store, clock } = newSubject(open);
      const deadLetterId = await setAside(store);
      clock.advance(5);
      const decision = { ...ann, at: clock.time };
      const done = await decide(store, deadLetterId, "requeued");
      expect(done).toMatchObject({ changed: true, letter: { status: "requeued", decision } });
      clock.advance(5);
      const again = await decide(store, deadLetterId, "requeued", { by: "bob", reason: "me too" });
      expect(again).toMatchObject({ changed: false, letter: { status: "requeued", decision } });
      await expectRefusal(decide(store, deadLetterId, "discarded"), "transition_refused");
      expect(await mailOf(store, "thread/a")).toMatchObject([
        { event: { type: "later" }, cause: null },
        { event: { type: "poison" }, from: "bob", cause, sentAt: clock.time - 5 },
      ]);
      expect((await store.counts()).deadLetters).toBe(0);
    });

    test("of two who decide at once one acts", async () => {
      const { store } = newSubject(open);
      const deadLetterId = await setAside(store);
      const rounds = [ann, { by: "bob", reason: "" }, { by: "cy", reason: "" }];
      const decided = await Promise.all(rounds.map((who) => decide(store, deadLetterId, "requeued", who)));
      expect(decided.filter(({ changed }) => changed)).toHaveLength(1);
      expect(await mailOf(store, "thread/a")).toHaveLength(2);
    });

    test("without an addressee stay as they are", async () => {
      const { store } = newSubject(open);
      const outgoing = [{ to: "thread/none" as const, from: "thread/a", event: { type: "lost" } }];
      await commit(store, creation("thread/a", { outgoing }));
      const [letter] = (await store.listDeadLetters({ limit: 1 })).rows;
      const id = letter?.deadLetterId ?? "";
      expect(letter).toMatchObject({ journalSeq: null, cause: null });
      await expectRefusal(decide(store, id, "requeued"), "actor_not_found");
      expect(await store.getDeadLetter(id)).toMatchObject({ status: "open", decision: null });
      await commit(store, creation("thread/none"));
      expect(await decide(store, id, "requeued")).toMatchObject({ changed: true });
      await expectRefusal(decide(store, "999999", "discarded"), "not_found");
      await expectRefusal(decide(store, "x", "discarded"), "not_found");
    });

    test("of another workspace are not there", async () => {
      const { store, neighbour } = newSubject(open);
      const deadLetterId = await setAside(store);
      expect(await neighbour.getDeadLetter(deadLetterId)).toBeNull();
      await expectRefusal(decide(neighbour, deadLetterId, "requeued"), "not_found");
      expect((await neighbour.listQuarantined({ limit: 5 })).rows).toEqual([]);
      expect(await neighbour.listNodes()).toEqual([]);
    });
  });

  describe("quarantined actors", () => {
    test("are listed with the mail that waits, which is counted apart", async () => {
      const { store } = newSubject(open);
      await setAside(store);
      await commit(store, creation("thread/b", { actor: { status: "quarantined" } }), creation("thread/c"));
      await send(store, "thread/c", { type: "one" });
      const page = await store.listQuarantined({ limit: 1 });
      expect(page.rows).toMatchObject([{ actor: { address: "thread/a", status: "quarantined" }, mail: 1 }]);
      const rest = await store.listQuarantined({ limit: 5, after: page.next ?? "" });
      expect(rest).toMatchObject({ rows: [{ actor: { address: "thread/b" }, mail: 0 }], next: null });
      expect(await store.counts()).toMatchObject({ mail: 1, quarantinedMail: 1 });
    });
  });

  describe("an exclusive key of a cancelled effect", () => {
    const begin = async () => {
      const subject = newSubject(open);
      const effectsRequested = [1, 2].map((n) => effectRequest(n, { exclusiveKey: "k" }));
      await commit(subject.store, creation("thread/a", { effectsRequested }));
      const [first] = await claimWork(subject.store);
      if (first === undefined) throw new Error("expected an effect");
      await commit(subject.store, turnOf("thread/a", { effectsCancelled: [{ incarnation: 1 }] }));
      return { ...subject, lease: first.lease };
    };

    test("stays taken until its performer has stopped", async () => {
      const { store, clock, lease } = await begin();
      expect(await claimWork(store)).toEqual([]);
      expect(await store.listEffects({ status: "cancelled", limit: 1 })).toMatchObject([
        { leaseExpiresAt: clock.time + 1_000 },
      ]);
      await store.releaseEffect({ ...lease, token: lease.token + 1 });
      expect(await claimWork(store)).toEqual([]);
      await store.releaseEffect(lease);
      expect((await claimWork(store)).map(({ incarnation }) => incarnation)).toEqual([2]);
      await store.releaseEffect(lease);
      expect(await claimWork(store)).toEqual([]);
    });

    test("is free once the lease ran out, and no later than its node started anew", async () => {
      const { store, clock } = await begin();
      const look = { nodeId: "node-2", limit: 5, leaseMs: 1_000 };
      clock.advance(999);
      expect(await store.claimExpiredEffects(look)).toEqual([]);
      expect(await claimWork(store)).toEqual([]);
      clock.advance(1);
      expect(await store.claimExpiredEffects(look)).toEqual([]);
      expect(await claimWork(store)).toHaveLength(1);
      const other = await begin();
      const restarted = { nodeId: "node-1", limit: 5, leaseMs: 1_000, includingOwn: true };
      expect(await other.store.claimExpiredEffects(restarted)).toEqual([]);
      expect(await claimWork(other.store)).toHaveLength(1);
    });

    test("lets work that is not exclusive go at once", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1)] }));
      await claimWork(store);
      await commit(store, turnOf("thread/a", { effectsCancelled: [{ incarnation: 1 }] }));
      expect(await store.listEffects({ limit: 1 })).toMatchObject([{ leaseExpiresAt: null }]);
    });
  });

  describe("effects", () => {
    test("tell who holds them, until when, and when they are tried next", async () => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1)] }));
      const now = async () => (await store.listEffects({ limit: 1 }))[0];
      expect(await now()).toMatchObject({ nextTryAt: clock.time, leaseExpiresAt: null, nodeId: null });
      const [effect] = await claimWork(store);
      expect(await now()).toMatchObject({
        nextTryAt: null,
        leaseExpiresAt: clock.time + 1_000,
        nodeId: "node-1",
      });
      if (effect === undefined) throw new Error("expected an effect");
      await store.settleEffect(effect.lease, { status: "retry", error, delayMs: 700 });
      expect(await now()).toMatchObject({ nextTryAt: clock.time + 700, leaseExpiresAt: null });
    });
  });

  describe("nodes", () => {
    test("are listed with what they have in hand", async () => {
      const { store, clock } = newSubject(open);
      const process = { place: "boot:1", pid: 7, pidStartedAt: "99" };
      await store.beatNode(nodeBeat({ nodeId: "node-2" }));
      await store.beatNode(nodeBeat({ nodeId: "node-1", process, charts: ["thread@1"] }));
      await commit(store, creation("thread/a", { effectsRequested: [effectRequest(1), effectRequest(2)] }));
      await claimWork(store, { limit: 1 });
      clock.advance(10);
      await store.beatNode(nodeBeat({ nodeId: "node-1", process, charts: ["thread@1"], draining: true }));
      const { lostAfterMs: _, ...beat } = nodeBeat({ nodeId: "node-1" });
      const started = clock.time - 10;
      expect(await store.listNodes()).toEqual([
        {
          ...{ ...beat, process, charts: ["thread@1"], draining: true },
          ...{ startedAt: started, beatAt: clock.time, effectsInHand: 1 },
        },
        { ...beat, nodeId: "node-2", startedAt: started, beatAt: started, effectsInHand: 0 },
      ]);
    });

    test("hold their id against another instance while they are heard of", async () => {
      const { store, clock } = newSubject(open);
      const process = { place: "boot:1", pid: 7, pidStartedAt: "99" };
      await store.beatNode(nodeBeat({ instance: "one", process }));
      clock.advance(999);
      const second = store.beatNode(nodeBeat({ instance: "two", host: "host-2" }));
      await expect(second).rejects.toMatchObject({
        code: "node_id_taken",
        details: { instance: "one", host: "host-1", process, silentMs: 999 },
      });
      expect(await store.listNodes()).toMatchObject([{ instance: "one", beatAt: clock.time - 999 }]);
      clock.advance(1);
      await store.beatNode(nodeBeat({ instance: "two" }));
      await expectRefusal(store.beatNode(nodeBeat({ instance: "one" })), "node_id_taken");
      expect(await store.listNodes()).toMatchObject([{ instance: "two", startedAt: clock.time }]);
    });

    test("give their id at once to who knows that they have ended", async () => {
      const { store } = newSubject(open);
      await store.beatNode(nodeBeat({ instance: "one" }));
      const wrong = store.beatNode({ ...nodeBeat({ instance: "two" }), replaces: "zero" });
      await expectRefusal(wrong, "node_id_taken");
      await store.beatNode({ ...nodeBeat({ instance: "two" }), replaces: "one" });
      expect(await store.listNodes()).toMatchObject([{ instance: "two" }]);
      await store.removeNode({ nodeId: "node-1", instance: "one" });
      expect(await store.listNodes()).toHaveLength(1);
      await store.removeNode({ nodeId: "node-1", instance: "two" });
      expect(await store.listNodes()).toEqual([]);
    });

    test("of a host that lives on are forgotten a day after they were heard of", async () => {
      const { store, clock } = newSubject(open);
      await store.beatNode(nodeBeat({ nodeId: "crashed" }));
      await store.beatNode(nodeBeat({ nodeId: "far-1", host: "far" }));
      clock.advance(24 * 3_600_000 - 1);
      await store.beatNode(nodeBeat({}));
      expect((await store.listNodes()).map(({ nodeId }) => nodeId)).toEqual(["crashed", "far-1", "node-1"]);
      clock.advance(1);
      // Not those of others: their hosts have to be told as lost first.
      expect(await store.beatNode(nodeBeat({}))).toEqual({ lost: ["far"] });
      expect((await store.listNodes()).map(({ nodeId }) => nodeId)).toEqual(["far-1", "node-1"]);
    });

    test("of a lost host are named until they are forgotten, which one caller does", async () => {
      const { store, clock } = newSubject(open);
      await store.beatNode(nodeBeat({ nodeId: "far-1", host: "far" }));
      await store.beatNode(nodeBeat({ nodeId: "far-2", host: "far" }));
      const forget = () => store.transaction((tx) => tx.forgetHost({ host: "far", lostAfterMs: 1_000 }));
      expect(await forget()).toBe(false);
      clock.advance(1_000);
      const beat = () => store.beatNode(nodeBeat({}));
      expect([await beat(), await beat()]).toEqual([{ lost: ["far"] }, { lost: ["far"] }]);
      const undone = store.transaction(async (tx) => {
        await tx.forgetHost({ host: "far", lostAfterMs: 1_000 });
        await tx.send([{ to: "thread/none", from: "engine", event: { type: "host.lost" } }]);
      });
      await expectRefusal(undone, "actor_not_found");
      const told = await Promise.all([forget(), forget(), forget()]);
      expect(told.filter(Boolean)).toHaveLength(1);
      expect(await beat()).toEqual({ lost: [] });
    });
  });
}
