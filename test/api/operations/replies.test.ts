import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Caller } from "../../../api/operations/caller.ts";
import { defaultWakePolicy } from "../../../machines/participant/contract.ts";
import { ManualClock } from "../../manual-clock.ts";
import { storeFixtures } from "../../runtime/stores.ts";
import { callerOf, createWorld, type World } from "../world.ts";

describe.each(storeFixtures())("replies that are owed $name", (fixture) => {
  let clock: ManualClock;
  let world: World;
  let ann: Caller;
  let bob: Caller;
  let person: Caller;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await createWorld(clock, await fixture.open(clock));
    ann = callerOf(world, "ann");
    bob = callerOf(world, "bob");
    person = callerOf(world, "pat", "operator");
    const participants = ["bob", "cy"];
    await world.call("create_thread", ann, { thread_id: "th-1", title: "Review", participants });
  });
  afterAll(() => fixture.close());

  const post = async (caller: Caller, more: object = {}) => {
    await world.call("post_message", caller, { thread_id: "th-1", body: "Please look at parse.ts", ...more });
    await world.settle();
  };
  const read = async (caller: Caller, seq: number) => {
    await world.call("ack_read", caller, { thread_id: "th-1", seq });
    await world.settle();
  };
  const passes = async (ms: number) => {
    await clock.advance(ms);
    await world.store.fireTimers({ limit: 100 });
    await world.settle();
  };
  const unanswered = async () => {
    const { escalations } = await world.call("list_escalations", person, {});
    return (escalations as { reason: string; agent_id: string; detail: string }[])
      .filter(({ reason }) => reason === "unanswered")
      .map(({ agent_id, detail }) => `${agent_id}: ${detail}`);
  };
  const bobIs = async () => {
    const { participants } = await world.call("list_participants", person, { thread_id: "th-1" });
    return (participants as Record<string, unknown>[]).find(({ agent_id }) => agent_id === "bob")!;
  };
  const bound = defaultWakePolicy.replyWithinMs;

  test("a directed message that was read and not answered is told to a person once, and wakes nobody", async () => {
    await post(ann, { to: ["bob"] });
    await post(ann, { to: ["bob"] });
    await read(bob, 2);
    await passes(bound - 1);
    expect(await unanswered()).toEqual([]);
    expect(await bobIs()).toMatchObject({ owes_reply: { seq: 1, to: "ann", overdue: false } });
    const wakes = await world.store.listWakes({ agentId: "bob", limit: 9 });
    await passes(1);
    await passes(10 * bound);
    expect(await unanswered()).toEqual([
      "bob: bob read messages 1 to 2 of ann and did not reply within 30 min.",
    ]);
    expect(await bobIs()).toMatchObject({
      attention: "caughtUp",
      owes_reply: { seq: 1, to: "ann", overdue: true },
    });
    expect(await world.store.listWakes({ agentId: "bob", limit: 9 })).toEqual(wakes);
    const { explanations } = await world.call("explain", person, { agent_id: "bob" });
    expect(explanations).toMatchObject([
      {
        sentence: expect.stringContaining(
          "wants a reply, and posted nothing since: a person was told",
        ) as string,
        next: expect.stringContaining("answer in its place") as string,
      },
    ]);
  });

  test("any message of the agent itself settles what came before it, also after the bound", async () => {
    await post(ann, { to: ["bob"] });
    await read(bob, 1);
    await post(bob, { body: "On it" });
    expect(await bobIs()).toMatchObject({ owes_reply: null });
    await passes(2 * bound);
    expect(await unanswered()).toEqual([]);
    await post(ann, { to: ["bob"] });
    await read(bob, 3);
    await passes(bound);
    expect(await unanswered()).toHaveLength(1);
    await post(bob, { body: "Sorry, looked at it now" });
    expect(await bobIs()).toMatchObject({ owes_reply: null });
  });

  test("what was not read yet is a matter of its wake", async () => {
    await post(ann, { to: ["bob"] });
    await passes(3 * bound);
    expect(await unanswered()).toEqual([]);
    await read(bob, 1);
    await passes(bound);
    expect(await unanswered()).toHaveLength(1);
  });

  test.each([
    ["a broadcast", {}],
    ["a courtesy", { to: ["bob"], body: "Thanks!" }],
    ["a decision", { to: ["bob"], kind: "decision" }],
    ["an answer", { to: ["bob"], in_reply_to: 1 }],
  ])("%s is owed no reply", async (_, message) => {
    await post(bob, { body: "Shall I merge?" });
    await post(ann, message);
    await read(bob, 2);
    await passes(2 * bound);
    expect(await unanswered()).toEqual([]);
  });

  test("an answer that asks in turn is owed one", async () => {
    await post(bob, { body: "Shall I merge?" });
    await post(ann, { to: ["bob"], in_reply_to: 1, kind: "question", body: "Into which branch?" });
    await read(bob, 2);
    await passes(bound);
    expect(await unanswered()).toHaveLength(1);
  });

  test("only who was asked by name owes it, and nobody in a thread that is resolved", async () => {
    const cy = callerOf(world, "cy");
    await post(ann, { to: ["bob"] });
    await read(cy, 1);
    await read(bob, 1);
    await world.call("update_thread_status", ann, { thread_id: "th-1", status: "resolved" });
    await world.settle();
    await passes(2 * bound);
    expect(await unanswered()).toEqual([]);
  });

  test("zero as the bound awaits nothing", async () => {
    world.workspace.policies = {
      ...world.workspace.policies,
      wake: { ...defaultWakePolicy, replyWithinMs: 0 },
    };
    await world.call("create_thread", ann, { thread_id: "th-2", title: "Quiet", participants: ["bob"] });
    await world.call("post_message", ann, { thread_id: "th-2", body: "Look here", to: ["bob"] });
    await world.call("ack_read", bob, { thread_id: "th-2", seq: 1 });
    await world.settle();
    await passes(10 * bound);
    expect(await unanswered()).toEqual([]);
  });
});
