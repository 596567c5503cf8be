import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import type { RouseError } from "../../runtime/errors.ts";
import { defaultTiming } from "../../runtime/node.ts";
import { nodeBeat } from "../persistence/conformance/subject.ts";
import { NodeWorld } from "./node-world.ts";
import { spoilRecord } from "./spoil-record.ts";
import { storeFixtures } from "./stores.ts";

const [inMemory, onPostgres] = storeFixtures();
const threadId = "th-1";
const reviewer = "reviewer";
const participant = `participant/${threadId}.${reviewer}` as const;
const runtime = `runtime/rt-${reviewer}` as const;

describe.each([inMemory!, onPostgres!])("a node $name", ({ open, close }) => {
  afterAll(close);

  test("wakes an agent for a post, and hears of its heartbeat and its cursor", async () => {
    const world = await NodeWorld.open(open);
    world.startNode("node-1");
    await world.openThread(threadId, [reviewer]);
    expect(await world.attention(threadId, reviewer)).toBe("caughtUp");

    await world.post(threadId);
    await world.pass(1_000);
    expect(world.deliveries).toMatchObject([{ agentId: reviewer }]);
    await world.call("heartbeat_session", reviewer, {});
    await world.call("ack_read", reviewer, { thread_id: threadId, seq: 1 });
    await world.pass(1_000);

    expect(await world.attention(threadId, reviewer)).toBe("caughtUp");
    expect(await world.store.listWakes({ threadId, limit: 10 })).toMatchObject([
      { agentId: reviewer, acknowledgedBy: "heartbeat", outcome: "read" },
    ]);
    expect(world.deliveries).toHaveLength(1);
    expect(await world.store.counts()).toMatchObject({ mail: 0, deadLetters: 0 });
    await world.stop();
    expect(world.errors).toEqual([]);
  });
});

describe("a node", () => {
  let world: NodeWorld;

  beforeEach(async () => {
    world = await NodeWorld.open(inMemory!.open);
  });
  afterEach(() => world.stop());

  /** As if the event of a post had been lost. */
  const postSilently = () =>
    world.store.transaction((tx) =>
      tx.appendMessage({
        threadId,
        author: "executioner",
        authorRole: "participant",
        kind: "message",
        body: "review please",
        to: null,
        inReplyTo: null,
      }),
    );

  describe("reconciles", () => {
    test("a lost event within five seconds, and once", async () => {
      world.startNode("node-1");
      await world.openThread(threadId, [reviewer]);
      await postSilently();
      await world.pass(defaultTiming.reconcileMs);
      await world.pass(1_000);
      expect(world.deliveries).toMatchObject([{ agentId: reviewer }]);
      await world.call("heartbeat_session", reviewer, {});
      await world.pass(1_000);
      const before = await world.journal(participant);
      expect(before.filter((type) => type === "state.reconciled")).toHaveLength(1);
      await world.pass(4 * defaultTiming.reconcileMs);
      expect(await world.journal(participant)).toEqual(before);
    });

    test("nothing where nothing is amiss", async () => {
      world.startNode("node-1");
      await world.openThread(threadId, [reviewer]);
      await world.post(threadId);
      await world.pass(3 * defaultTiming.reconcileMs);
      expect(await world.journal(participant)).not.toContain("state.reconciled");
    });
  });

  describe("when a host falls silent", () => {
    const lose = async (): Promise<void> => {
      const beat = { ...nodeBeat({ nodeId: "far-1", host: "far" }), lostAfterMs: 1 };
      const far = world.startNode("far-1", "far");
      await world.openThread(threadId, [reviewer]);
      await world.call(
        "register_runtime",
        "ada",
        { agent_id: "tester", mode: "adopt", server: "/s", target: "%2", runtime_id: "rt-far", host: "far" },
        "operator",
      );
      await world.pass(1_000);
      // Its process is killed: nothing is handed back, and its row stays.
      const stopped = far.stop();
      await world.pass(1_000);
      await stopped;
      await world.store.beatNode(beat);
    };
    const lossesOf = async (address: `runtime/${string}`) =>
      (await world.journal(address)).filter((type) => type === "host.lost").length;

    test("its runtimes are told once, those of other hosts are not", async () => {
      world.startNode("node-1");
      world.startNode("node-2");
      await lose();
      await world.pass(defaultTiming.nodeLostMs + defaultTiming.beatMs);
      expect(await lossesOf("runtime/rt-far")).toBe(1);
      await world.pass(3 * defaultTiming.nodeLostMs);
      expect(await lossesOf("runtime/rt-far")).toBe(1);
      expect(await lossesOf(runtime)).toBe(0);
    });

    test("a runtime whose record cannot be read is set aside, and the others are told", async () => {
      await lose();
      await spoilRecord(world.store, runtime);
      world.startNode("node-1");
      await world.pass(2 * defaultTiming.nodeLostMs);
      expect(await lossesOf("runtime/rt-far")).toBe(1);
      expect((await world.store.getActor(runtime))?.status).toBe("quarantined");
      expect(world.errors).toEqual([]);
    });

    test("its runtimes are told also when the one that noticed dies before the commit", async () => {
      world.startNode("node-1");
      await lose();
      let failures = 0;
      // Its transaction is undone with all that it had written.
      world.watched.refuse = (name) => name === "transaction" && isTelling() && (failures += 1) <= 1;
      const isTelling = () => world.clock.now() >= silentFrom + defaultTiming.nodeLostMs;
      const silentFrom = world.clock.now();
      await world.pass(defaultTiming.nodeLostMs + 3 * defaultTiming.beatMs);
      expect(failures).toBeGreaterThan(1);
      expect(await lossesOf("runtime/rt-far")).toBe(1);
    });

    test("a runtime whose record cannot be read is set aside, and the others are told", async () => {
      await lose();
      await spoilRecord(world.store, runtime);
      world.startNode("node-1");
      await world.pass(2 * defaultTiming.nodeLostMs);
      expect(await lossesOf("runtime/rt-far")).toBe(1);
      expect((await world.store.getActor(runtime))?.status).toBe("quarantined");
      expect(world.errors).toEqual([]);
    });

    test("its runtimes are told also when the database goes away in between", async () => {
      world.startNode("node-1");
      await lose();
      let failures = 0;
      world.watched.refuse = (name) => name === "listActors" && (failures += 1) <= 2;
      await world.pass(defaultTiming.nodeLostMs + 3 * defaultTiming.beatMs);
      expect(failures).toBeGreaterThan(2);
      expect(await lossesOf("runtime/rt-far")).toBe(1);
    });
  });

  describe("that is stopped", () => {
    test("takes no new work", async () => {
      const node = world.startNode("node-1");
      await world.openThread(threadId, [reviewer]);
      await Promise.all([node.stop(), world.pass(defaultTiming.drainMs)]);
      await world.post(threadId);
      await world.pass(10_000);
      expect(world.deliveries).toEqual([]);
      expect((await world.store.counts()).mail).toBeGreaterThan(0);
      world.startNode("node-2");
      await world.pass(2_000);
      expect(world.deliveries).toMatchObject([{ node: "node-2" }]);
    });

    test("lets typing under way come to its end", async () => {
      const node = world.startNode("node-1");
      await world.openThread(threadId, [reviewer]);
      const gate = Promise.withResolvers<void>();
      world.afterTyping = () => gate.promise;
      await world.post(threadId);
      await world.pass(1_000);
      const stopped = node.stop();
      await world.pass(1_000);
      gate.resolve();
      await world.pass(1_000);
      await stopped;
      expect((await world.store.counts()).effects).toMatchObject({ done: 2 });
    });

    test("hands back what was not begun, and watches, so that another node goes on at once", async () => {
      const node = world.startNode("node-1");
      await world.openThread(threadId, [reviewer]);
      world.beforeTyping = ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as RouseError));
        });
      await world.post(threadId);
      await world.pass(1_000);
      const stopped = node.stop();
      await world.pass(defaultTiming.drainMs);
      await stopped;
      expect((await world.store.counts()).effects).toMatchObject({ pending: 2 });
      world.beforeTyping = () => Promise.resolve();
      world.startNode("node-2");
      await world.pass(1_000);
      expect(world.deliveries).toMatchObject([{ node: "node-2" }]);
    });

    test("is seen to drain, and is not started again", async () => {
      const node = world.startNode("node-1");
      await world.openThread(threadId, [reviewer]);
      const gate = Promise.withResolvers<void>();
      world.afterTyping = () => gate.promise;
      await world.post(threadId);
      await world.pass(1_000);
      const stopped = node.stop();
      await world.pass(1_000);
      const charts = ["participant@", "runtime@", "thread@"].map(
        (kind) => expect.stringContaining(kind) as string,
      );
      expect(await world.store.listNodes()).toMatchObject([
        {
          nodeId: "node-1",
          draining: true,
          effectsInHand: 1,
          charts: expect.arrayContaining(charts) as string[],
        },
      ]);
      gate.resolve();
      await world.pass(1_000);
      await stopped;
      expect(await world.store.listNodes()).toEqual([]);
      expect(() => node.start()).toThrow("was stopped");
    });

    test("is not missed: its host is not lost", async () => {
      world.startNode("node-1");
      const far = world.startNode("far-1", "far");
      await world.pass(1_000);
      await Promise.all([far.stop(), world.pass(1_000)]);
      await world.pass(2 * defaultTiming.nodeLostMs);
      const lost = await world.store.beatNode({
        ...nodeBeat({ nodeId: "n", host: "h" }),
        lostAfterMs: 10_000,
      });
      expect(lost).toEqual({ lost: [] });
    });
  });

  describe("whose id another process holds", () => {
    test("takes no work until that one is silent", async () => {
      await world.store.beatNode({ ...nodeBeat({ nodeId: "node-1" }), lostAfterMs: 1 });
      world.startNode("node-1");
      await world.openThread(threadId, [reviewer]);
      await world.post(threadId);
      await world.pass(10_000);
      expect(world.deliveries).toEqual([]);
      expect(world.errors.map(({ error }) => (error as RouseError).code)).toContain("node_id_taken");
      await world.pass(defaultTiming.nodeLostMs);
      expect(world.deliveries[0]).toMatchObject({ node: "node-1" });
    });

    test("and which paused for long takes no more work and stops, its writes refused", async () => {
      const evicted: Error[] = [];
      const node = world.startNode("node-1", "here", { onEvicted: (error) => evicted.push(error) });
      await world.openThread(threadId, [reviewer]);
      const gate = Promise.withResolvers<void>();
      world.afterTyping = () => gate.promise;
      await world.post(threadId);
      await world.pass(1_000);
      expect(world.deliveries).toHaveLength(1);
      world.watched.away = true;
      await world.pass(defaultTiming.nodeLostMs);
      world.watched.away = false;
      const other = { nodeId: "node-1", limit: 99, leaseMs: 60_000, includingOwn: true };
      await world.store.beatNode(nodeBeat({ nodeId: "node-1", instance: "two", host: "here" }));
      const taken = await world.store.claimExpiredEffects(other);
      expect(taken.map(({ port }) => port)).toContain("deliverWake");
      gate.resolve();
      await world.pass(defaultTiming.nodeLostMs / 2);
      expect(evicted).toMatchObject([{ code: "node_id_taken" }]);
      expect((await world.store.counts()).effects).toMatchObject({ running: 2 });
      expect(await world.store.listNodes()).toMatchObject([{ instance: "two" }]);
      await node.stop();
      expect(() => node.start()).toThrow("was stopped");
    });
  });

  test("shares the work with another one, and nothing is done twice", async () => {
    const agents = Array.from({ length: 20 }, (_, index) => `agent-${index + 10}`);
    world.startNode("node-1");
    world.startNode("node-2");
    await world.openThread(threadId, agents);
    const gate = Promise.withResolvers<void>();
    world.afterTyping = () => gate.promise;
    await world.post(threadId);
    await world.pass(1_000);
    expect(new Set(world.deliveries.map(({ node }) => node))).toEqual(new Set(["node-1", "node-2"]));
    gate.resolve();
    for (const agent of agents) {
      await world.call("heartbeat_session", agent, {});
      await world.call("ack_read", agent, { thread_id: threadId, seq: 1 });
    }
    await world.pass(2_000);
    expect(world.deliveries.map(({ agentId }) => agentId).toSorted()).toEqual(agents);
    const wakes = await world.store.listWakes({ threadId, limit: 100 });
    expect(wakes.map(({ outcome }) => outcome)).toEqual(agents.map(() => "read"));
    expect(world.errors).toEqual([]);
  });

  describe("whose database goes away", () => {
    const codes = () => new Set(world.errors.map(({ error }) => (error as RouseError).code));

    test("goes on when it is back: no loop ended, nothing is lost or doubled", async () => {
      world.startNode("node-1");
      await world.openThread(threadId, [reviewer]);
      await world.post(threadId);
      world.watched.away = true;
      await world.pass(30_000);
      expect(world.deliveries).toEqual([]);
      expect(codes()).toEqual(new Set(["database_unavailable"]));
      const loops = ["turns", "timers", "effects", "reconciliation", "leases", "heartbeat"];
      expect(world.errors.map(({ context }) => context)).toEqual(expect.arrayContaining(loops));
      world.watched.away = false;
      await world.pass(8_000);
      expect(world.deliveries).toHaveLength(1);
      await world.call("ack_read", reviewer, { thread_id: threadId, seq: 1 });
      await world.pass(2_000);
      expect(await world.attention(threadId, reviewer)).toBe("caughtUp");
      expect(world.deliveries).toHaveLength(1);
    });

    test("does not type again when that happens while it types", async () => {
      world.startNode("node-1");
      await world.openThread(threadId, [reviewer]);
      const gate = Promise.withResolvers<void>();
      world.afterTyping = () => gate.promise;
      await world.post(threadId);
      await world.pass(1_000);
      world.watched.away = true;
      gate.resolve();
      await world.pass(3_000);
      world.watched.away = false;
      await world.pass(6_000);
      expect(world.deliveries).toHaveLength(1);
      expect((await world.store.counts()).effects).toMatchObject({ done: 2, running: 1 });
    });
  });
});
