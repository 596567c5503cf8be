import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Caller } from "../../../api/operations/caller.ts";
import { ManualClock } from "../../manual-clock.ts";
import { storeFixtures } from "../../runtime/stores.ts";
import { callerOf, createWorld, type World } from "../world.ts";

describe.each(storeFixtures())("threads $name", (fixture) => {
  let world: World;
  let ann: Caller;
  let bob: Caller;
  let person: Caller;

  beforeEach(async () => {
    const clock = new ManualClock();
    world = await createWorld(clock, await fixture.open(clock));
    ann = callerOf(world, "ann");
    bob = callerOf(world, "bob");
    person = callerOf(world, "pat", "operator");
  });
  afterAll(() => fixture.close());

  const open = (participants = ["bob"]) =>
    world.call("create_thread", ann, { thread_id: "th-1", title: "Review", participants });
  const post = (caller: Caller, body: string, more: object = {}) =>
    world.call("post_message", caller, { thread_id: "th-1", body, ...more });

  test("a thread is created with its creator and the named agents as participants", async () => {
    const result = await open(["bob", "cyd"]);
    expect(result).toMatchObject({
      schema_version: 1,
      thread: { thread_id: "th-1", status: "active", created_by: "ann", head_seq: 0 },
      participants: [
        { agent_id: "ann", attention: "caughtUp", unread: 0 },
        { agent_id: "bob", attention: "caughtUp" },
        { agent_id: "cyd", attention: "caughtUp" },
      ],
    });
  });

  test("a person who opens a thread is no participant, so nobody tries to wake them", async () => {
    const result = await world.call("create_thread", person, { title: "Plan", participants: ["bob"] });
    expect(result["participants"]).toMatchObject([{ agent_id: "bob" }]);
  });

  test("a generated thread id fits the pattern", async () => {
    const { thread } = (await world.call("create_thread", ann, { title: "Plan" })) as {
      thread: { thread_id: string };
    };
    expect(thread.thread_id).toMatch(/^th-[a-z0-9]{12}$/);
  });

  test("a thread id is given once", async () => {
    await open();
    await expect(open()).rejects.toMatchObject({ code: "already_exists" });
  });

  test("a post is numbered, and becomes unread work of the others only", async () => {
    await open();
    expect(await post(ann, "Please review")).toMatchObject({ seq: 1, addressed: ["bob"] });
    expect(await post(bob, "On it")).toMatchObject({ seq: 2, addressed: ["ann"] });
    await world.settle();
    const { participants } = await world.call("get_thread", ann, { thread_id: "th-1" });
    expect(participants).toMatchObject([
      { agent_id: "ann", unread: 1, head_seq: 2, attention: "unread" },
      { agent_id: "bob", unread: 1, head_seq: 1, attention: "unread" },
    ]);
  });

  test("a directed message is the work of those named only", async () => {
    await open(["bob", "cyd"]);
    expect(await post(ann, "For Bob", { to: ["bob", "bob"] })).toMatchObject({ addressed: ["bob"] });
    await expect(post(ann, "For Dan", { to: ["dan"] })).rejects.toMatchObject({
      code: "not_a_participant",
      message: "dan is not a participant of thread th-1",
    });
  });

  test("a reply names an earlier message", async () => {
    await open();
    await post(ann, "One");
    expect(await post(bob, "Two", { in_reply_to: 1 })).toMatchObject({ seq: 2 });
    await expect(post(bob, "Three", { in_reply_to: 3 })).rejects.toMatchObject({ code: "invalid_input" });
  });

  test("reading starts at the cursor, does not move it, and marks what others wrote as untrusted", async () => {
    await open();
    await post(ann, "One", { kind: "finding" });
    await post(bob, "Two");
    const first = await world.call("read_messages", bob, { thread_id: "th-1" });
    expect(first).toMatchObject({
      messages: [
        { seq: 1, author: "ann", kind: "finding", body: "One", untrusted: true },
        { seq: 2, author: "bob", body: "Two", untrusted: false },
      ],
      next_after_seq: 2,
      has_more: false,
      last_read_seq: 0,
    });
    expect(await world.call("read_messages", bob, { thread_id: "th-1" })).toEqual(first);
  });

  test("pages are bounded by count and by bytes, and never cut a message", async () => {
    await open();
    for (const size of [900, 900, 5_000]) await post(ann, "x".repeat(size));
    const read = (after_seq: number, more: object) =>
      world.call("read_messages", bob, { thread_id: "th-1", after_seq, ...more });
    expect(await read(0, { limit: 1 })).toMatchObject({ next_after_seq: 1, has_more: true });
    expect(await read(0, { max_bytes: 1_900 })).toMatchObject({ next_after_seq: 2, has_more: true });
    const last = await read(2, { max_bytes: 1_024 });
    expect(last).toMatchObject({ next_after_seq: 3, has_more: false });
    expect((last["messages"] as { body: string }[])[0]?.body).toHaveLength(5_000);
  });

  test("an acknowledgement moves the cursor forward, never back and never past the head", async () => {
    await open();
    await post(ann, "One");
    await post(ann, "Two");
    const ack = (seq: number) => world.call("ack_read", bob, { thread_id: "th-1", seq });
    expect(await ack(1)).toMatchObject({ last_read_seq: 1, unread: 1 });
    expect(await ack(0)).toMatchObject({ last_read_seq: 1, unread: 1 });
    expect(await ack(99)).toMatchObject({ last_read_seq: 2, unread: 0 });
    await world.settle();
    expect(await world.call("get_thread", bob, { thread_id: "th-1" })).toMatchObject({
      last_read_seq: 2,
      unread: 0,
      participants: [{ agent_id: "ann" }, { agent_id: "bob", attention: "caughtUp", last_read_seq: 2 }],
    });
  });

  test("agents list their own threads, those with oversight all of them", async () => {
    await open();
    await world.call("create_thread", bob, { thread_id: "th-2", title: "Alone" });
    const ids = async (caller: Caller, input: object) => {
      const { threads } = await world.call("list_threads", caller, input);
      return (threads as { thread_id: string }[]).map(({ thread_id }) => thread_id).toSorted();
    };
    expect(await ids(ann, {})).toEqual(["th-1"]);
    expect(await ids(ann, { agent_id: "bob" })).toEqual(["th-1"]);
    expect(await ids(callerOf(world, "eve", "auditor"), {})).toEqual(["th-1", "th-2"]);
    expect(await ids(person, { agent_id: "bob", status: "active" })).toEqual(["th-1", "th-2"]);
    const page = await world.call("list_threads", person, { limit: 1 });
    expect(page).toMatchObject({ has_more: true });
    expect(await world.call("list_threads", person, { limit: 1, cursor: page["next_cursor"] })).toMatchObject(
      {
        has_more: false,
        next_cursor: null,
      },
    );
  });

  test("a summary names status, open items, decisions and participants within its bound", async () => {
    await open();
    await post(bob, "The parser drops the last line", { kind: "finding" });
    await post(ann, "We keep the old format", { kind: "decision" });
    const summary = await world.call("summarize_thread", ann, { thread_id: "th-1", max_bytes: 600 });
    expect(summary).toMatchObject({
      status: "active",
      open_items: [{ seq: 1, author: "bob" }],
      last_decisions: [{ seq: 2 }],
      participants: [{ agent_id: "ann" }, { agent_id: "bob" }],
      untrusted: true,
    });
    expect(Buffer.byteLength(summary["summary"] as string)).toBeLessThanOrEqual(600);
  });

  test.each([
    ["get_thread", {}],
    ["read_messages", {}],
    ["summarize_thread", {}],
    ["post_message", { body: "x" }],
    ["ack_read", { seq: 1 }],
    ["update_thread_status", { status: "resolved" }],
    ["add_participant", { agent_id: "cyd" }],
    ["trigger_participant", { agent_id: "bob" }],
  ])("%s refuses an unknown thread and an outsider", async (name, input) => {
    const outsider = callerOf(world, "zoe");
    await expect(world.call(name, ann, { thread_id: "th-0", ...input })).rejects.toMatchObject({
      code: "thread_not_found",
    });
    await open();
    await expect(world.call(name, outsider, { thread_id: "th-1", ...input })).rejects.toMatchObject({
      code: "not_a_participant",
    });
    expect(await world.audit()).toContainEqual(
      expect.objectContaining({
        actor: "zoe",
        operation: name,
        outcome: "refused",
        code: "not_a_participant",
      }),
    );
  });

  test("a closed thread takes no message, trigger or participant, and says so", async () => {
    await open();
    await world.call("update_thread_status", person, { thread_id: "th-1", status: "closed", reason: "done" });
    await expect(post(ann, "One more")).rejects.toMatchObject({ code: "thread_closed" });
    await expect(
      world.call("trigger_participant", ann, { thread_id: "th-1", agent_id: "bob" }),
    ).rejects.toMatchObject({ code: "thread_closed" });
    await expect(
      world.call("add_participant", ann, { thread_id: "th-1", agent_id: "cyd" }),
    ).rejects.toMatchObject({ code: "thread_closed" });
    expect(await world.call("get_thread", ann, { thread_id: "th-1" })).toMatchObject({
      thread: { head_seq: 0, status: "closed", status_by: "pat", status_reason: "done" },
    });
  });

  test("a refused change of status names both states", async () => {
    await open();
    await expect(
      world.call("update_thread_status", ann, { thread_id: "th-1", status: "closed", reason: "I say so" }),
    ).rejects.toMatchObject({ code: "transition_refused", details: { from: "active", to: "closed" } });
    await expect(
      world.call("update_thread_status", ann, { thread_id: "th-1", status: "active", reason: "again" }),
    ).rejects.toMatchObject({ code: "transition_refused", details: { from: "active", to: "active" } });
  });

  test("a thread goes from active through blocked and resolved to closed and back, each step with its reason", async () => {
    await open();
    const change = (caller: Caller, status: string, reason?: string) =>
      world.call("update_thread_status", caller, { thread_id: "th-1", status, ...(reason && { reason }) });
    await expect(change(ann, "blocked")).rejects.toMatchObject({ code: "reason_required" });
    expect(await change(ann, "blocked", "disputed")).toMatchObject({ previous_status: "active" });
    await expect(change(ann, "active", "please")).rejects.toMatchObject({ code: "transition_refused" });
    expect(await change(person, "active", "settled")).toMatchObject({ previous_status: "blocked" });
    expect(await change(ann, "resolved")).toMatchObject({ thread: { status: "resolved" } });
    expect(await change(ann, "closed", "answered")).toMatchObject({ thread: { status: "closed" } });
    await expect(change(ann, "active", "more")).rejects.toMatchObject({ code: "transition_refused" });
    expect(await change(person, "active", "more")).toMatchObject({ thread: { status: "active" } });
  });

  test("a body over 64 KiB is refused, one at the limit is kept as it is", async () => {
    await open();
    const fitting = "é".repeat(32_768);
    expect(await post(ann, fitting)).toMatchObject({ seq: 1 });
    await expect(post(ann, `${fitting}x`)).rejects.toMatchObject({ code: "body_too_large" });
    const { messages } = await world.call("read_messages", bob, { thread_id: "th-1" });
    expect((messages as { body: string }[])[0]?.body).toBe(fitting);
  });

  test.each([
    ["body", { body: "a\0b" }],
    ["body", { body: "half a pair \ud800" }],
    ["body", { body: "" }],
    ["thread_id", { thread_id: "../x", body: "x" }],
    ["to", { body: "x", to: [] }],
    ["to", { body: "x", to: Array.from({ length: 51 }, (_, index) => `a${index}`) }],
    ["kind", { body: "x", kind: "order" }],
    ["", { body: "x", urgent: true }],
  ])("bad input is refused by the name of the field: %s", async (path, input) => {
    await open();
    await expect(world.call("post_message", ann, { thread_id: "th-1", ...input })).rejects.toMatchObject({
      code: "invalid_input",
      details: { issues: [{ path }] },
    });
    expect(await world.call("get_thread", ann, { thread_id: "th-1" })).toMatchObject({
      thread: { head_seq: 0 },
    });
  });

  test("an agent added later finds what was broadcast before", async () => {
    await open();
    await post(ann, "One");
    await post(bob, "Two");
    const { participant } = await world.call("add_participant", ann, { thread_id: "th-1", agent_id: "cyd" });
    expect(participant).toMatchObject({ agent_id: "cyd", unread: 2, head_seq: 2 });
    await world.settle();
    const { participants } = await world.call("list_participants", ann, {
      thread_id: "th-1",
      attention: "unread",
    });
    expect(participants).toMatchObject([{ agent_id: "ann" }, { agent_id: "bob" }, { agent_id: "cyd" }]);
    const { explanations } = await world.call("explain", ann, { agent_id: "cyd", thread_id: "th-1" });
    expect(explanations).toMatchObject([{ participant: { unread: 2 } }]);
    await expect(
      world.call("add_participant", bob, { thread_id: "th-1", agent_id: "dan" }),
    ).rejects.toMatchObject({ code: "forbidden" });
  });

  test("twenty turns that say nothing block the thread by themselves", async () => {
    await open();
    for (let number = 0; number < 21; number++) await post(number % 2 === 0 ? ann : bob, "Thanks!");
    await world.settle();
    expect(await world.call("get_thread", ann, { thread_id: "th-1" })).toMatchObject({
      thread: { status: "blocked" },
    });
  });
});
