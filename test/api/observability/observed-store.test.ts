import { Registry as Page } from "@prometheus-io/client";
import { describe, expect, test } from "vitest";
import { MetricMaker } from "../../../api/observability/metric.ts";
import { observeStore } from "../../../api/observability/observed-store.ts";
import { toAll, type CommittedWork, type EndedEffect } from "../../../api/observability/store-observer.ts";
import { followWakes, wakeMetrics, type WakeStory } from "../../../api/observability/wake-metrics.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import type { Store } from "../../../runtime/store.ts";
import { ManualClock } from "../../manual-clock.ts";
import { callerOf, createWorld } from "../world.ts";

const clock = new ManualClock();
const memory = (): Store => createMemoryStore({ workspaceId: "w", clock });

describe("the observed store", () => {
  test("tells turns and posts once they are committed, and nothing of what was undone", async () => {
    const told: CommittedWork[] = [];
    const observer = toAll([{ committed: (work) => void told.push(work) }], () => {});
    const world = await createWorld(clock, observeStore(memory(), observer));
    const ann = callerOf(world, "ann");
    await world.call("create_thread", ann, { thread_id: "th-1", title: "x", participants: ["bob"] });
    await world.call("post_message", ann, { thread_id: "th-1", body: "Look" });
    const refused = { thread_id: "th-1", body: "Look", in_reply_to: 9 };
    await expect(world.call("post_message", ann, refused)).rejects.toMatchObject({ code: "invalid_input" });
    expect(told.flatMap(({ messages }) => messages.map(({ seq }) => seq))).toEqual([1]);
    expect(told.some(({ isTurn }) => isTurn)).toBe(false);
    await world.settle();
    const turn = told.find(({ isTurn }) => isTurn);
    expect(turn?.commits.map(({ actor }) => actor.kind).toSorted()).toEqual(["participant", "thread"]);
  });

  test("is not disturbed by an observer that throws, and the others hear all the same", async () => {
    const errors: unknown[] = [];
    let heard = 0;
    const bad = {
      committed: () => {
        throw new Error("mine");
      },
    };
    const observer = toAll([bad, { committed: () => void (heard += 1) }], (error) => errors.push(error));
    const world = await createWorld(clock, observeStore(memory(), observer));
    await world.call("create_thread", callerOf(world, "ann"), {
      thread_id: "th-1",
      title: "x",
      participants: [],
    });
    expect(heard).toBeGreaterThan(0);
    expect(String(errors[0])).toContain("mine");
  });

  test("tells how an attempt ended, and that one was lost", async () => {
    const ended: EndedEffect[] = [];
    const lost: string[] = [];
    const effect = {
      lease: { address: "runtime/r", incarnation: 1, token: 1 },
      port: "p",
      attempt: 1,
    } as const;
    const again = { ...effect, lease: { ...effect.lease, token: 2 } };
    const stub = {
      claimEffects: async () => [effect, again],
      settleEffect: async () => {},
      releaseEffect: async () => {},
    } as Partial<Record<keyof Store, unknown>> as Store;
    const observer = toAll(
      [
        {
          effectEnded: (each) => void ended.push(each),
          effectLost: ({ lease }) => void lost.push(String(lease.token)),
        },
      ],
      () => {},
    );
    const store = observeStore(stub, observer);
    await store.claimEffects({ nodeId: "n", host: "h", ports: ["p"], limit: 2, leaseMs: 1 });
    await store.settleEffect(effect.lease, { status: "done", output: {} });
    await store.releaseEffect(again.lease);
    expect(ended).toMatchObject([{ effect: { port: "p" }, outcome: { status: "done" } }]);
    expect(lost).toEqual(["2"]);
  });
});

describe("a wake's figures", () => {
  const evidence = { channel: "tmux", bytes: 9, firstByteAt: 1_500, submittedAt: 2_000, turnStartedAt: null };
  const typed = {
    port: "deliverWake",
    status: "done",
    input: { unread: 1 },
    output: { verdict: "delivered", evidence },
  };
  const story: WakeStory = {
    ...{ wakeId: "th-1.bob.1", openedAt: 1_100, postedAt: 1_000, acknowledgedAt: 4_000 },
    ...{ outcome: "read", reason: null, effects: [typed] },
  };

  const shown = async (tell: (told: ReturnType<typeof wakeMetrics>) => void): Promise<string> => {
    const page = new Page();
    tell(wakeMetrics(new MetricMaker(page)));
    return page.metrics();
  };

  test("reach from the post to each step, once, whether it is told at the ack or at the end", async () => {
    const page = await shown((tell) => {
      tell(story, "acknowledged");
      tell(story, "closed");
    });
    expect(page).toContain('rouse_wake_first_byte_seconds_sum{channel="tmux"} 0.5');
    expect(page).toContain('rouse_wake_submitted_seconds_sum{channel="tmux"} 1');
    expect(page).toContain('rouse_wake_acknowledged_seconds_sum{channel="tmux"} 3');
    expect(page).toContain('rouse_wake_acknowledged_seconds_count{channel="tmux"} 1');
    expect(page).toContain('rouse_wakes_total{outcome="read",reason="",channel="tmux"} 1');
  });

  test("leave out repeated wakes, and those that somebody asked for while nothing was unread", async () => {
    const page = await shown((tell) => {
      tell({ ...story, postedAt: null }, "acknowledged");
      tell({ ...story, effects: [{ ...typed, input: { unread: 0 } }] }, "acknowledged");
    });
    expect(page).not.toContain("rouse_wake_first_byte_seconds_sum");
  });

  test("name the channel that reached the agent last", async () => {
    const spawned = {
      port: "spawnSession",
      status: "done",
      input: { unread: 1 },
      output: { verdict: "started" },
    };
    const page = await shown((tell) => tell({ ...story, effects: [typed, spawned] }, "closed"));
    expect(page).toContain('channel="spawn"} 1');
  });

  test("are read beside the work, and a read that fails is told and forgotten", async () => {
    const stories: string[] = [];
    const errors: unknown[] = [];
    const done = Promise.withResolvers<void>();
    const read = async (wakeId: string): Promise<WakeStory> => {
      if (wakeId === "lost") throw new Error("away");
      return { ...story, wakeId };
    };
    const observer = followWakes(
      read,
      ({ wakeId }) => (stories.push(wakeId), done.resolve()),
      (error) => errors.push(error),
    );
    const close = (wakeId: string) => ({
      type: "wake.closed",
      params: { wakeId, outcome: "read", reason: null, at: 1 },
    });
    const commits = [{ records: [close("lost"), close("kept")] }] as Partial<
      CommittedWork["commits"][number]
    >[];
    observer.committed?.({ commits, messages: [], isTurn: true, now: 1, durationMs: 1 } as CommittedWork);
    await done.promise;
    expect(stories).toEqual(["kept"]);
    expect(errors).toHaveLength(1);
  });
});
