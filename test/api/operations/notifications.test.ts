import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Caller } from "../../../api/operations/caller.ts";
import { ManualClock } from "../../manual-clock.ts";
import { storeFixtures } from "../../runtime/stores.ts";
import { openNotifier } from "../notifier.ts";
import { callerOf, createWorld, type World } from "../world.ts";

const ports = ["postWebhook", "runCommand", "ringBell"];

describe.each(storeFixtures())("notifications $name", (fixture) => {
  let clock: ManualClock;
  let world: World;
  let ann: Caller;
  let person: Caller;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await createWorld(clock, await fixture.open(clock));
    ann = callerOf(world, "ann");
    person = callerOf(world, "pat", "operator");
  });
  afterAll(() => fixture.close());

  const configure = (given: object) => openNotifier(world, given);
  const block = async (thread: string) => {
    await world.call("create_thread", ann, { thread_id: thread, title: "Review", participants: ["bob"] });
    await world.call("update_thread_status", ann, { thread_id: thread, status: "blocked", reason: "stuck" });
    await world.settle();
  };
  const passes = async (ms: number) => {
    await clock.advance(ms);
    await world.store.fireTimers({ limit: 100 });
    await world.settle();
  };
  const claim = (nodeId: string, host = "here", known = ports) =>
    world.store.claimEffects({ nodeId, host, ports: known, limit: 9, leaseMs: 9_000 });
  const listed = async () => {
    const answer = await world.call("list_notifications", person, {});
    return answer as { notifiers: Record<string, unknown>[]; notifications: Record<string, unknown>[] };
  };
  const webhook = { url: "https://example.org/hook" };

  test("a flood of escalations becomes one message, which one node sends", async () => {
    await configure({ webhook });
    for (let n = 1; n <= 20; n += 1) await block(`th-${n}`);
    expect((await listed()).notifiers).toMatchObject([
      { notifier_id: "webhook", state: "collecting", waiting: 20 },
    ]);
    await passes(2_000);
    const claimed = [...(await claim("one")), ...(await claim("two"))];
    expect(claimed).toHaveLength(1);
    expect(claimed[0]).toMatchObject({
      port: "postWebhook",
      host: null,
      input: { notification: { count: 20, reasons: { operator: 20 } } },
    });
    await world.store.settleEffect(claimed[0]!.lease, { status: "done", output: { status: 204 } });
    await world.settle();
    const { notifiers, notifications } = await listed();
    expect(notifiers).toMatchObject([{ state: "quiet", sent: 1, waiting: 0 }]);
    expect(notifications).toMatchObject([{ status: "done", count: 20, error: null }]);
  });

  test("what an undone transaction told was never told", async () => {
    await configure({ webhook });
    await world.call("create_thread", ann, { thread_id: "th-1", title: "Review", participants: [] });
    const { store } = world;
    const undone = { ...world.workspace.engine, store };
    await expect(
      store.transaction(async (tx) => {
        const event = { type: "block.requested", by: "ann", role: "participant", reason: "stuck" };
        await undone.command(tx, { to: "thread/th-1", event, from: "ann" });
        throw new Error("planted");
      }),
    ).rejects.toThrow("planted");
    await world.settle();
    expect((await listed()).notifiers).toMatchObject([{ waiting: 0, state: "quiet" }]);
  });

  test("a node that falls silent while it sends is followed by another, under the same id", async () => {
    await configure({ webhook });
    await block("th-1");
    await passes(2_000);
    const [first] = await claim("one");
    await clock.advance(9_001);
    const [second] = await world.store.claimExpiredEffects({ nodeId: "two", limit: 9, leaseMs: 9_000 });
    expect(second!.input).toEqual(first!.input);
    await expect(
      world.store.settleEffect(first!.lease, { status: "done", output: { status: 204 } }),
    ).rejects.toMatchObject({ code: "lease_lost" });
  });

  test("a waiting dialog, a quarantine and a block are all told", async () => {
    await configure({ bell: true });
    await world.call("register_agent", person, { agent_id: "bob", kind: "generic", definition: {} });
    await world.call("register_runtime", person, { agent_id: "bob", mode: "launch", runtime_id: "rt-1" });
    const [launch] = await claim("one", "here", ["launchTerminal"]);
    const address = { backend: "tmux", server: "/tmp/s", target: "%1", pid: 42, pidStartedAt: "7" };
    await world.store.settleEffect(launch!.lease, { status: "done", output: { address, sessionId: null } });
    await world.settle();
    const observation = { activity: "dialog", dialog: "permission" };
    const event = { type: "terminal.observed", observation };
    await world.store.transaction((tx) => tx.send([{ to: "runtime/rt-1", from: "test", event }]));
    await block("th-1");
    // Its chart reads what this event does not carry, and throws.
    const poison = { type: "state.reconciled" };
    await world.store.transaction((tx) =>
      tx.send([{ to: "participant/th-1.ann", from: "test", event: poison }]),
    );
    await world.settle();
    await passes(2_000);
    const [bell] = await claim("one");
    const { notification } = bell!.input as { notification: { reasons: object } };
    expect(bell).toMatchObject({ port: "ringBell", host: "here" });
    expect(notification.reasons).toEqual({ permissionPending: 1, operator: 1, quarantined: 1 });
  });

  test("what was given up is listed with its error, and sent again on demand", async () => {
    await configure({ webhook });
    await block("th-1");
    await passes(2_000);
    const [effect] = await claim("one");
    const error = { code: "port_refused", message: "the webhook answered 403: no success", retryable: false };
    await world.store.settleEffect(effect!.lease, { status: "failed", error });
    await world.settle();
    const given = await listed();
    expect(given.notifiers).toMatchObject([{ given_up: 1, undelivered: 1 }]);
    expect(given.notifications).toMatchObject([{ status: "failed", error: { code: "port_refused" } }]);
    await world.call("retry_notifications", person, {});
    const [again] = await claim("one");
    expect(again!.input).toEqual(effect!.input);
  });

  test("a trial goes out by each notifier at once, and names its id", async () => {
    await configure({ webhook, command: ["notify-send"], bell: true });
    const answer = await world.call("test_notifications", person, {});
    const claimed = await claim("one");
    expect(claimed.map(({ port }) => port).toSorted()).toEqual(ports.toSorted());
    expect(claimed.map(({ correlation }) => correlation ?? "").toSorted()).toEqual(
      (answer["notification_ids"] as string[]).toSorted(),
    );
  });

  test("a trial that waits is named again, but not by a notifier that was switched off meanwhile", async () => {
    await configure({ webhook });
    const first = await world.call("test_notifications", person, {});
    expect(first["notification_ids"]).toHaveLength(1);
    const again = await world.call("test_notifications", person, {});
    expect(again["notification_ids"]).toEqual(first["notification_ids"]);
    await world.call("switch_notifications", person, { on: false, reason: "holiday" });
    expect(await world.call("test_notifications", person, {})).toMatchObject({ notification_ids: [] });
  });

  test("a switch needs a reason; a notifier that is off is told nothing", async () => {
    await configure({ webhook });
    await expect(world.call("switch_notifications", person, { on: false })).rejects.toMatchObject({
      code: "reason_required",
    });
    await world.call("switch_notifications", person, { on: false, reason: "holiday" });
    await block("th-1");
    expect((await listed()).notifiers).toMatchObject([{ state: "off", waiting: 0 }]);
  });

  test("nobody to tell is said with what to do, and an unknown notifier with those that are known", async () => {
    await expect(world.call("test_notifications", person, {})).rejects.toMatchObject({
      code: "not_found",
      nextStep: expect.stringContaining("config.json") as string,
    });
    await configure({ bell: true });
    await expect(world.call("test_notifications", person, { notifier_id: "webhook" })).rejects.toMatchObject({
      nextStep: "Name one of: bell.here.",
    });
  });

  test("settings that change reach the actor when a node starts; what its host no longer names is off", async () => {
    await configure({ bell: true });
    await configure({ bell: true });
    const mailed = async () => (await world.store.getActor("notifier/bell.here"))!.version;
    expect(await mailed()).toBe(1);
    await configure({ bell: false });
    expect((await listed()).notifiers).toMatchObject([{ state: "off" }]);
    await configure({ bell: true, timing: { collectMs: 5 } });
    expect((await listed()).notifiers).toMatchObject([{ state: "quiet" }]);
    await block("th-1");
    await passes(5);
    expect(await claim("one")).toHaveLength(1);
  });
});
