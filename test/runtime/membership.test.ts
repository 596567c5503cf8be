import { beforeEach, describe, expect, test } from "vitest";
import { createMemoryStore } from "../../persistence/memory/store.ts";
import { Membership } from "../../runtime/membership.ts";
import type { Store } from "../../runtime/store.ts";
import { ManualClock } from "../manual-clock.ts";
import { nodeBeat } from "../persistence/conformance/subject.ts";

const nodeLostMs = 20_000;

describe("a node's hold on its id", () => {
  let clock: ManualClock;
  let store: Store;
  let evictions: Error[];

  beforeEach(() => {
    clock = new ManualClock();
    store = createMemoryStore({ workspaceId: "w", clock });
    evictions = [];
  });

  const member = (instance: string, isGone = false): Membership =>
    new Membership({
      ...{ store, clock, nodeLostMs, isGone: () => isGone, url: () => "http://127.0.0.1:1" },
      identity: { nodeId: "node-1", instance, host: "here", process: null, charts: [] },
      onEvicted: (error) => evictions.push(error),
    });

  test("is taken at once from a process that is known to have ended", async () => {
    await member("one").confirm();
    await expect(member("two").confirm()).rejects.toMatchObject({ code: "node_id_taken" });
    await member("two", true).confirm();
    expect(await store.listNodes()).toMatchObject([{ instance: "two" }]);
  });

  test("is looked at anew before work is taken after a pause, and given up when it is gone", async () => {
    const paused = member("one");
    await paused.confirm();
    await clock.advance(nodeLostMs);
    const heir = member("two");
    await heir.confirm();
    await expect(paused.confirm()).rejects.toMatchObject({ code: "node_id_taken" });
    expect([paused.isEvicted, evictions.length]).toEqual([true, 1]);
    await expect(paused.beat()).rejects.toMatchObject({ code: "node_id_taken" });
    await paused.leave();
    expect([await store.listNodes(), evictions.length]).toMatchObject([[{ instance: "two" }], 1]);
  });

  test("is not given up by who never had it", async () => {
    await member("one").confirm();
    const second = member("two");
    await expect(second.confirm()).rejects.toMatchObject({ code: "node_id_taken" });
    expect([second.isEvicted, evictions]).toEqual([false, []]);
    await clock.advance(nodeLostMs);
    await second.confirm();
  });

  test("lets it judge who is lost only after it listened for a while itself", async () => {
    const own = member("one");
    await own.beat();
    await store.beatNode({ ...nodeBeat({ nodeId: "far-1", host: "far" }), lostAfterMs: nodeLostMs });
    // As after an outage of the database: nobody was heard of.
    await clock.advance(3 * nodeLostMs);
    const judgements: string[][] = [];
    for (let beat = 0; beat < 5; beat += 1) {
      judgements.push((await own.beat()).lost);
      await clock.advance(3_000);
    }
    expect(judgements).toEqual([[], [], [], [], ["far"]]);
  });

  describe("when the process's clock is set back", () => {
    let aheadMs: number;
    /** The store keeps its own time. */
    const early = (): Membership =>
      new Membership({
        ...{ store, nodeLostMs, isGone: () => false, url: () => "http://127.0.0.1:1" },
        clock: { now: () => clock.now() + aheadMs, after: (ms, callback) => clock.after(ms, callback) },
        identity: { nodeId: "node-1", instance: "one", host: "here", process: null, charts: [] },
        onEvicted: (error) => evictions.push(error),
      });
    beforeEach(() => {
      aheadMs = 3_600_000;
    });

    test("is looked at anew before work is taken", async () => {
      const paused = early();
      await paused.confirm();
      aheadMs = 0;
      await clock.advance(nodeLostMs);
      await member("two").confirm();
      await expect(paused.confirm()).rejects.toMatchObject({ code: "node_id_taken" });
    });

    test("lets it judge who is lost all the same", async () => {
      const own = early();
      await own.beat();
      aheadMs = 0;
      await store.beatNode({ ...nodeBeat({ nodeId: "far-1", host: "far" }), lostAfterMs: nodeLostMs });
      let lost: string[] = [];
      for (let beat = 0; beat < 10; beat += 1) {
        await clock.advance(3_000);
        ({ lost } = await own.beat());
      }
      expect(lost).toEqual(["far"]);
    });
  });
});
