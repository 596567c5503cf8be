import { describe, expect, test } from "vitest";

import {
  commit,
  creation,
  expectRefusal,
  newSubject,
  newThread,
  post,
  turnOf,
  type OpenStore,
} from "./subject.ts";

export function threadsConform(open: OpenStore): void {
  describe("threads", () => {
    test("a thread is inserted once and found", async () => {
      const { store, clock } = newSubject(open);
      await store.transaction((tx) => newThread(tx, "th-1", []));
      const thread = await store.transaction((tx) => tx.getThread("th-1"));
      expect(thread).toEqual({
        threadId: "th-1",
        title: "About th-1",
        type: "review",
        createdBy: "ann",
        createdAt: clock.time,
        status: "active",
        statusReason: "",
        statusBy: "ann",
        updatedAt: clock.time,
        firstSeq: 1,
        headSeq: 0,
      });
      await expectRefusal(
        store.transaction((tx) => newThread(tx, "th-1", [])),
        "already_exists",
      );
      expect(await store.transaction((tx) => tx.getThread("th-2"))).toBeNull();
    });

    test("threads are listed newest first, by status and member, in pages", async () => {
      const { store, clock } = newSubject(open);
      for (const id of ["th-2", "th-1", "th-3"]) {
        await store.transaction((tx) => newThread(tx, id, id === "th-1" ? [] : ["ann"]));
        if (id !== "th-2") clock.advance(1);
      }
      const list = (query: { agentId?: string; status?: string; after?: string; limit: number }) =>
        store.transaction(async (tx) => {
          const { rows, next } = await tx.listThreads(query);
          return { ids: rows.map(({ threadId }) => threadId), next };
        });
      const first = await list({ limit: 2 });
      expect(first.ids).toEqual(["th-3", "th-2"]);
      expect(await list({ limit: 2, after: first.next ?? "" })).toEqual({ ids: ["th-1"], next: null });
      expect((await list({ limit: 5, agentId: "ann" })).ids).toEqual(["th-3", "th-2"]);
      expect((await list({ limit: 5, status: "closed" })).ids).toEqual([]);
    });

    test("a chart's report changes the status of its thread; the last of a batch stays", async () => {
      const { store, clock } = newSubject(open);
      await store.transaction((tx) => newThread(tx, "th-1", []));
      const report = (status: "blocked" | "closed", reason: string) => ({
        type: "thread.statusChanged" as const,
        params: { threadId: "th-1", status, by: "bob", reason, at: clock.time + 9 },
      });
      await commit(
        store,
        creation("thread/th-1", { records: [report("blocked", "x"), report("closed", "")] }),
      );
      expect(await store.transaction((tx) => tx.getThread("th-1"))).toMatchObject({
        status: "closed",
        statusBy: "bob",
        statusReason: "",
        updatedAt: clock.time + 9,
      });
    });

    test("a broadcast addresses all members but its author, a directed message those it names", async () => {
      const { store, clock } = newSubject(open);
      await store.transaction(async (tx) => {
        await newThread(tx, "th-1", ["cy", "ann", "bob"]);
        expect((await post(tx, "th-1", "ann")).addressed).toEqual(["bob", "cy"]);
        const directed = await post(tx, "th-1", "bob", {
          to: ["ann", "bob", "stranger"],
          body: 'x "quoted" \\ {,}',
        });
        expect(directed.addressed).toEqual(["ann"]);
        expect(directed.message).toMatchObject({
          seq: 2,
          createdAt: clock.time,
          to: ["ann", "bob", "stranger"],
        });
        expect((await post(tx, "th-1", "bob", { to: [] })).addressed).toEqual([]);
      });
      const members = await store.transaction((tx) => tx.listMembers("th-1"));
      expect(members.map(({ agentId, headSeq }) => [agentId, headSeq])).toEqual([
        ["ann", 2],
        ["bob", 1],
        ["cy", 1],
      ]);
      const messages = await store.transaction((tx) =>
        tx.listMessages({ threadId: "th-1", afterSeq: 1, limit: 9 }),
      );
      expect(messages.map(({ seq, to, body }) => [seq, to, body])).toEqual([
        [2, ["ann", "bob", "stranger"], 'x "quoted" \\ {,}'],
        [3, [], "hello"],
      ]);
      const latest = await store.transaction((tx) => tx.listLatestMessages({ threadId: "th-1", limit: 2 }));
      expect(latest.map(({ seq }) => seq)).toEqual([3, 2]);
    });

    test("a message that wants replies is owed one by whom it addresses, until they post themselves", async () => {
      const { store } = newSubject(open);
      await store.transaction((tx) => newThread(tx, "th-1", ["cy", "ann", "bob"]));
      const owed = () =>
        store.transaction(async (tx) =>
          (await tx.listMembers("th-1")).map(({ agentId, replyDueSeq }) => [agentId, replyDueSeq]),
        );
      const ask = (author: string, to: string[] | null) =>
        store.transaction(
          async (tx) => (await post(tx, "th-1", author, { to, wantsReply: true })).settlesReply,
        );
      const say = (author: string) =>
        store.transaction(async (tx) => (await post(tx, "th-1", author)).settlesReply);
      expect(await ask("ann", ["bob", "ann"])).toBe(false);
      expect(await say("ann")).toBe(false);
      expect(await owed()).toEqual([
        ["ann", null],
        ["bob", 1],
        ["cy", null],
      ]);
      expect(await ask("bob", ["cy"])).toBe(true);
      expect(await ask("pat", null)).toBe(false);
      expect(await owed()).toEqual([
        ["ann", 4],
        ["bob", 4],
        ["cy", 4],
      ]);
      expect(await say("bob")).toBe(true);
      expect(await say("bob")).toBe(false);
      const messages = await store.transaction((tx) =>
        tx.listMessages({ threadId: "th-1", afterSeq: 0, limit: 1 }),
      );
      expect(messages[0]).not.toHaveProperty("wantsReply");
    });

    test("a message comes with its thread's status", async () => {
      const { store, clock } = newSubject(open);
      await store.transaction((tx) => newThread(tx, "th-1", ["ann"]));
      const statusAt = () => store.transaction(async (tx) => (await post(tx, "th-1", "ann")).threadStatus);
      expect(await statusAt()).toBe("active");
      const params = { threadId: "th-1", status: "closed", by: "bob", reason: "", at: clock.time } as const;
      const records = [{ type: "thread.statusChanged", params } as const];
      await commit(store, creation("thread/th-1", { records }));
      expect(await statusAt()).toBe("closed");
    });

    test("of several agents those are found that are members, in key order", async () => {
      const { store } = newSubject(open);
      await store.transaction((tx) => newThread(tx, "th-1", ["cy", "ann", "bob"]));
      const found = (agentIds: string[]) =>
        store.transaction(async (tx) => {
          const members = await tx.getMembers({ threadId: "th-1", agentIds });
          return members.map(({ agentId }) => agentId);
        });
      expect(await found(["bob", "stranger", "ann"])).toEqual(["ann", "bob"]);
      expect(await found([])).toEqual([]);
    });

    test("posting needs the thread", async () => {
      const { store } = newSubject(open);
      await expectRefusal(
        store.transaction((tx) => post(tx, "th-1", "ann")),
        "thread_not_found",
      );
    });

    test("text that cannot be stored is refused and leaves no gap", async () => {
      const { store } = newSubject(open);
      await store.transaction((tx) => newThread(tx, "th-1", []));
      await expectRefusal(
        store.transaction((tx) => post(tx, "th-1", "ann", { body: "a\0b" })),
        "invalid_input",
      );
      const { message } = await store.transaction((tx) =>
        post(tx, "th-1", "ann", { body: "\u001e fine é 🦉" }),
      );
      expect([message.seq, message.body]).toEqual([1, "\u001e fine é 🦉"]);
    });

    test("seq has no gap and no duplicate under concurrent writers, some of whom fail", async () => {
      const { store } = newSubject(open);
      await store.transaction((tx) => newThread(tx, "th-1", ["ann", "bob"]));
      const posts = Array.from({ length: 30 }, (_, index) =>
        store.transaction(async (tx) => {
          const { message } = await post(tx, "th-1", index % 2 === 0 ? "ann" : "bob");
          if (index % 5 === 0) throw new Error("planted");
          return message.seq;
        }),
      );
      const results = await Promise.allSettled(posts);
      const seqs = results.flatMap((result) => (result.status === "fulfilled" ? result.value : []));
      expect(seqs.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
      const messages = await store.transaction((tx) =>
        tx.listMessages({ threadId: "th-1", afterSeq: 0, limit: 99 }),
      );
      expect(messages.map(({ seq }) => seq)).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
      expect((await store.counts()).messages).toBe(24);
    });

    test("membership needs the thread and is unique; earlier broadcasts are unread to a newcomer", async () => {
      const { store } = newSubject(open);
      const key = { threadId: "th-1", agentId: "bob" };
      await expectRefusal(
        store.transaction((tx) => tx.insertMember(key)),
        "thread_not_found",
      );
      await store.transaction(async (tx) => {
        await newThread(tx, "th-1", ["ann"]);
        await post(tx, "th-1", "ann");
        await post(tx, "th-1", "ann", { to: ["cy"] });
        await tx.insertMember(key);
      });
      await expectRefusal(
        store.transaction((tx) => tx.insertMember(key)),
        "already_exists",
      );
      const member = await store.transaction((tx) => tx.getMember(key));
      expect(member).toMatchObject({ ...key, lastReadSeq: 0, headSeq: 1 });
      expect(await store.transaction((tx) => tx.countUnread(key))).toBe(1);
      expect(await store.transaction((tx) => tx.getMember({ ...key, agentId: "cy" }))).toBeNull();
    });

    test("a cursor only moves forward and never past the head", async () => {
      const { store } = newSubject(open);
      const key = { threadId: "th-1", agentId: "bob" };
      await store.transaction(async (tx) => {
        await newThread(tx, "th-1", ["ann", "bob"]);
        for (let n = 0; n < 3; n += 1) await post(tx, "th-1", "ann");
      });
      const advance = (seq: number) =>
        store.transaction(async (tx) => (await tx.advanceCursor({ ...key, seq })).lastReadSeq);
      expect(await advance(2)).toBe(2);
      expect(await advance(1)).toBe(2);
      expect(await advance(-5)).toBe(2);
      expect(await store.transaction((tx) => tx.countUnread(key))).toBe(1);
      expect(await advance(99)).toBe(3);
      expect(await store.transaction((tx) => tx.countUnread(key))).toBe(0);
      const stranger = store.transaction((tx) => tx.advanceCursor({ ...key, agentId: "cy", seq: 1 }));
      await expectRefusal(stranger, "not_a_participant");
    });

    test("members with unread messages are listed in key order, in pages, without closed threads", async () => {
      const { store } = newSubject(open);
      await store.transaction(async (tx) => {
        for (const id of ["th-2", "th-1", "th-3"]) {
          await newThread(tx, id, ["ann", "bob", "cy"]);
          await post(tx, id, "ann");
        }
        await tx.advanceCursor({ threadId: "th-1", agentId: "cy", seq: 1 });
      });
      const params = { threadId: "th-3", status: "closed" as const, by: "ann", reason: "", at: 1 };
      await commit(store, creation("thread/th-3", { records: [{ type: "thread.statusChanged", params }] }));
      const list = (query: { after?: string; limit: number }) =>
        store.transaction(async (tx) => {
          const { rows, next } = await tx.listUnreadMembers(query);
          return { keys: rows.map(({ threadId, agentId }) => `${threadId} ${agentId}`), next };
        });
      const first = await list({ limit: 2 });
      expect(first.keys).toEqual(["th-1 bob", "th-2 bob"]);
      expect(await list({ limit: 2, after: first.next ?? "" })).toEqual({ keys: ["th-2 cy"], next: null });
    });
  });

  describe("records of charts", () => {
    test("a wake is a receipt with the effects performed for it; first ack and first outcome stay", async () => {
      const { store, clock } = newSubject(open);
      const wake = { wakeId: "wake-1", threadId: "th-1", agentId: "bob" };
      const opened = { type: "wake.opened" as const, params: { ...wake, headSeq: 4, at: 10 } };
      const ack = (by: "heartbeat" | "cursor", at: number) => ({
        type: "wake.acknowledged" as const,
        params: { wakeId: "wake-1", by, at },
      });
      const closed = (outcome: "read" | "blocked", at: number) => ({
        type: "wake.closed" as const,
        params: {
          wakeId: "wake-1",
          outcome,
          reason: outcome === "blocked" ? ("operator" as const) : null,
          at,
        },
      });
      const request = { invokeId: "w", port: "deliverWake", input: {}, host: null, exclusiveKey: null };
      const effectsRequested = [2, 1].map((incarnation) => ({
        ...request,
        incarnation,
        correlation: "wake-1",
      }));
      await commit(store, creation("participant/a", { records: [opened], effectsRequested }));
      await commit(
        store,
        turnOf("participant/a", { records: [opened, ack("cursor", 20), ack("heartbeat", 30)] }),
      );
      const last = { expectedVersion: 2, actor: { version: 3 } };
      await commit(
        store,
        turnOf("participant/a", { ...last, records: [closed("read", 40), closed("blocked", 50)] }),
      );
      const later = { expectedVersion: 3, actor: { version: 4 } };
      await commit(
        store,
        turnOf("participant/a", { ...later, records: [ack("heartbeat", 60), closed("blocked", 70)] }),
      );
      const [receipt, ...others] = await store.listWakes({ agentId: "bob", limit: 5 });
      expect(receipt).toMatchObject({
        ...wake,
        headSeq: 4,
        openedAt: 10,
        acknowledgedAt: 20,
        acknowledgedBy: "cursor",
      });
      expect(receipt).toMatchObject({ closedAt: 40, outcome: "read", reason: null });
      const pending = { port: "deliverWake", attempt: 0, status: "pending", startedAt: null, outcome: null };
      expect(receipt?.effects).toMatchObject([pending, { ...pending, requestedAt: clock.time }]);
      expect(others).toEqual([]);
    });

    test("wakes are listed newest first, by thread, agent and id", async () => {
      const { store } = newSubject(open);
      const records = [1, 2, 3].map((n) => ({
        type: "wake.opened" as const,
        params: { wakeId: `wake-${n}`, threadId: `th-${n % 2}`, agentId: "bob", headSeq: n, at: n },
      }));
      await commit(store, creation("participant/a", { records }));
      const list = async (query: Parameters<typeof store.listWakes>[0]) =>
        (await store.listWakes(query)).map(({ wakeId }) => wakeId);
      expect(await list({ limit: 2 })).toEqual(["wake-3", "wake-2"]);
      expect(await list({ threadId: "th-1", limit: 5 })).toEqual(["wake-3", "wake-1"]);
      expect(await list({ wakeId: "wake-2", limit: 5 })).toEqual(["wake-2"]);
      expect(await list({ agentId: "ann", limit: 5 })).toEqual([]);
    });

    test("an ack of a wake that was never opened changes nothing", async () => {
      const { store } = newSubject(open);
      const params = { wakeId: "wake-9", by: "cursor" as const, at: 1 };
      await commit(store, creation("participant/a", { records: [{ type: "wake.acknowledged", params }] }));
      expect(await store.listWakes({ limit: 5 })).toEqual([]);
    });

    test("escalations are listed newest first, by thread, in pages", async () => {
      const { store } = newSubject(open);
      const records = [1, 2, 3].map((n) => ({
        type: "escalation.raised" as const,
        params: {
          threadId: n === 2 ? null : "th-1",
          agentId: null,
          reason: "operator" as const,
          detail: "",
          at: n,
        },
      }));
      await commit(store, creation("thread/a", { records }));
      const first = await store.listEscalations({ limit: 2 });
      expect(first.rows.map(({ at }) => at)).toEqual([3, 2]);
      const second = await store.listEscalations({ limit: 2, after: first.next ?? "" });
      expect(second).toMatchObject({
        rows: [{ threadId: "th-1", detail: "", reason: "operator", at: 1 }],
        next: null,
      });
      expect((await store.listEscalations({ threadId: "th-1", limit: 5 })).rows).toHaveLength(2);
    });
  });
}
