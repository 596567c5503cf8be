import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Caller } from "../../../api/operations/caller.ts";
import { ManualClock } from "../../manual-clock.ts";
import { storeFixtures } from "../../runtime/stores.ts";
import { callerOf, createWorld, type World } from "../world.ts";

describe.each(storeFixtures())("wakes and runtimes $name", (fixture) => {
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
    await world.call("create_thread", ann, { thread_id: "th-1", title: "Review", participants: ["bob"] });
  });
  afterAll(() => fixture.close());

  const bobIs = async () => {
    await world.settle();
    const { participants } = await world.call("list_participants", ann, { thread_id: "th-1" });
    return (participants as Record<string, unknown>[]).find(({ agent_id }) => agent_id === "bob");
  };
  const onBob = (name: string, caller: Caller, more: object = {}) =>
    world.call(name, caller, { thread_id: "th-1", agent_id: "bob", ...more });
  const post = () => world.call("post_message", ann, { thread_id: "th-1", body: "Please look" });
  const registerBob = () =>
    world.call("register_agent", person, {
      agent_id: "bob",
      kind: "generic",
      definition: { argv: ["bob"], env: { KEY: "canary" } },
    });
  const launchBob = () =>
    world.call("register_runtime", person, { agent_id: "bob", mode: "launch", runtime_id: "rt-1" });

  /** What the host's node would do. */
  const comeToLife = async () => {
    const ports = ["launchTerminal"];
    const claimed = await world.store.claimEffects({
      nodeId: "n",
      host: "here",
      ports,
      limit: 1,
      leaseMs: 9_000,
    });
    const address = { backend: "tmux", server: "/tmp/s", target: "%1", pid: 42, pidStartedAt: "7" };
    for (const { lease } of claimed) {
      await world.store.settleEffect(lease, { status: "done", output: { address, sessionId: null } });
    }
    await world.settle();
  };

  test("triggering an agent of which nothing is known answers blocked, with what to do", async () => {
    expect(await onBob("trigger_participant", ann)).toMatchObject({
      action: "blocked",
      reason: "unmanaged",
      next_step: expect.stringContaining("register_agent") as string,
      wake_id: null,
      trace_id: "th-1.bob.1",
    });
    expect(await bobIs()).toMatchObject({ attention: "blocked", blocked_reason: "unmanaged" });
  });

  test("triggering an unmanaged agent answers blocked and how to make it managed", async () => {
    await world.call("register_runtime", bob, { agent_id: "bob", mode: "attach", pid: 42 });
    await world.settle();
    expect(await onBob("trigger_participant", ann)).toMatchObject({
      action: "blocked",
      reason: "unmanaged",
      next_step: expect.stringContaining("register_runtime") as string,
    });
  });

  test("triggering an agent that can be started answers fallback_required, and already_active while that goes on", async () => {
    await registerBob();
    await world.settle();
    expect(await onBob("trigger_participant", ann)).toMatchObject({
      action: "fallback_required",
      wake_id: "th-1.bob.1",
      trace_id: "th-1.bob.1",
    });
    expect(await onBob("trigger_participant", person)).toMatchObject({ action: "already_active" });
    const effects = await world.store.listEffects({ status: "pending", limit: 10 });
    expect(effects).toMatchObject([{ port: "spawnSession", host: "here", correlation: "th-1.bob.1" }]);
  });

  test("triggering an agent whose runtime starts answers deferred, with the reason", async () => {
    await registerBob();
    await launchBob();
    await world.settle();
    expect(await onBob("trigger_participant", ann)).toMatchObject({
      action: "deferred",
      reason: "runtimeStarting",
    });
  });

  test("triggering while injection is paused answers deferred and who can resume it", async () => {
    await registerBob();
    await world.call("pause_injection", person, { scope: "workspace", reason: "deploy" });
    await world.settle();
    expect(await onBob("trigger_participant", ann)).toMatchObject({
      action: "deferred",
      reason: "injectionPaused",
    });
  });

  test("an agent that never reported is paused too: its terminal or its thread makes it known", async () => {
    const pause = (agent: string) =>
      world.call("pause_injection", person, { scope: "agent", agent_id: agent, reason: "wait" });
    const attach = { agent_id: "zed", mode: "attach" };
    await world.call("register_runtime", person, attach);
    await world.call("create_thread", person, { thread_id: "th-9", title: "t", participants: ["yan"] });
    for (const agent of ["zed", "yan"]) expect(await pause(agent)).toMatchObject({ injection: "paused" });
    await expect(pause("nobody")).rejects.toMatchObject({ code: "agent_not_found" });
    const { agents } = (await world.call("list_agents", person, {})) as { agents: { agent_id: string }[] };
    expect(agents.map(({ agent_id }) => agent_id)).not.toContain("nobody");
  });

  test("the pause of an agent and of the workspace reach participants that exist and that join later", async () => {
    await registerBob();
    await world.call("pause_injection", person, { scope: "agent", agent_id: "bob", reason: "lunch" });
    await world.call("pause_injection", person, { scope: "workspace", reason: "deploy" });
    expect(await bobIs()).toMatchObject({ paused_by: ["agent", "workspace"] });
    const { participants } = await world.call("create_thread", ann, {
      title: "Later",
      participants: ["bob"],
    });
    expect(participants).toMatchObject([
      { agent_id: "ann", paused_by: ["workspace"] },
      { agent_id: "bob", paused_by: ["agent", "workspace"] },
    ]);
    expect(await world.call("get_status", ann, {})).toMatchObject({ injection: "paused" });
    await world.call("resume_injection", person, { scope: "workspace", reason: "deployed" });
    expect(await bobIs()).toMatchObject({ paused_by: ["agent"] });
    expect(await world.call("get_status", ann, {})).toMatchObject({ injection: "open" });
  });

  test("the pause of a thread holds its wakes and no other thread's, and loses nothing until it is taken back", async () => {
    await registerBob();
    const other = await world.call("create_thread", ann, { title: "Other", participants: ["bob"] });
    const pause = { scope: "thread", thread_id: "th-1", reason: "dispute" };
    expect(await world.call("pause_injection", person, pause)).toMatchObject({ injection: "paused" });
    await post();
    await world.settle();
    expect(await onBob("trigger_participant", ann)).toMatchObject({
      ...{ action: "deferred", reason: "injectionPaused" },
    });
    expect(await bobIs()).toMatchObject({
      paused_by: ["thread"],
      unread: 1,
      states: expect.arrayContaining(["attention.unread.held"]) as string[],
    });
    const { explanations } = await world.call("explain", person, { agent_id: "bob", thread_id: "th-1" });
    expect(explanations).toMatchObject([
      { sentence: "bob in th-1 has 1 unread, but injection is paused for thread." },
    ]);
    expect(other["participants"]).toMatchObject([{ paused_by: [] }, { paused_by: [] }]);
    await world.call("add_participant", person, { thread_id: "th-1", agent_id: "cy" });
    const { participants } = await world.call("get_thread", person, { thread_id: "th-1" });
    expect(participants).toContainEqual(expect.objectContaining({ agent_id: "cy", paused_by: ["thread"] }));
    await world.call("resume_injection", person, { ...pause, reason: "settled" });
    await world.settle();
    expect(await bobIs()).toMatchObject({ paused_by: [], unread: 1, attention: "spawning" });
    const audit = await world.audit();
    expect(audit.find(({ operation }) => operation === "pause_injection")).toMatchObject({
      ...{ subject: "thread/th-1", reason: "dispute" },
      changes: [{ of: "thread/th-1 injection", before: "open", after: "paused" }],
    });
  });

  test("only who has authority pauses a thread, and only one that there is", async () => {
    const pause = (caller: Caller, thread: string) =>
      world.call("pause_injection", caller, { scope: "thread", thread_id: thread, reason: "x" });
    await expect(pause(ann, "th-1")).rejects.toMatchObject({ code: "forbidden" });
    await expect(pause(person, "th-none")).rejects.toMatchObject({ code: "thread_not_found" });
  });

  test("pausing demands a reason and the field of its scope", async () => {
    await expect(world.call("pause_injection", person, { scope: "workspace" })).rejects.toMatchObject({
      code: "reason_required",
    });
    await expect(
      world.call("pause_injection", person, { scope: "runtime", reason: "x" }),
    ).rejects.toMatchObject({ code: "invalid_input", details: { issues: [{ path: "runtime_id" }] } });
    await expect(
      world.call("pause_injection", person, { scope: "runtime", runtime_id: "none", reason: "x" }),
    ).rejects.toMatchObject({ code: "runtime_not_found" });
    await expect(
      world.call("pause_injection", person, { scope: "agent", agent_id: "none", reason: "x" }),
    ).rejects.toMatchObject({ code: "agent_not_found" });
  });

  test("a participant is blocked, unblocked and overridden with a reason, by those with authority only", async () => {
    await expect(onBob("block_participant", ann, { reason: "x" })).rejects.toMatchObject({
      code: "forbidden",
    });
    await expect(onBob("block_participant", person)).rejects.toMatchObject({ code: "reason_required" });
    await registerBob();
    await post();
    await world.settle();
    expect(await onBob("block_participant", person, { reason: "noisy" })).toMatchObject({
      previous_attention: "unread",
      participant: { attention: "blocked", blocked_reason: "operator" },
    });
    expect(await onBob("trigger_participant", ann)).toMatchObject({ action: "blocked", reason: "operator" });
    expect(await onBob("unblock_participant", person, { reason: "quiet now" })).toMatchObject({
      previous_attention: "blocked",
      participant: { attention: "spawning" },
    });
    await expect(onBob("unblock_participant", person, { reason: "again" })).rejects.toMatchObject({
      code: "transition_refused",
      details: { from: "spawning" },
    });
    await onBob("block_participant", person, { reason: "noisy" });
    expect(await onBob("override_participant", person, { reason: "urgent" })).toMatchObject({
      participant: { attention: "spawning" },
    });
    expect(await world.audit()).toContainEqual(
      expect.objectContaining({ operation: "override_participant", outcome: "done", reason: "urgent" }),
    );
  });

  test("a heartbeat makes the agent known, with its session, to its participants and its runtime", async () => {
    await registerBob();
    await launchBob();
    const result = await world.call("heartbeat_session", bob, { session_id: "abc", resumable: true });
    expect(result).toMatchObject({ agent_id: "bob", runtime_id: "rt-1" });
    await world.settle();
    expect(await world.call("list_agents", person, {})).toMatchObject({
      agents: [
        { agent_id: "bob", session: { session_id: "abc", host: "here", resumable: true }, spawnable: true },
      ],
    });
    expect(await bobIs()).toMatchObject({ last_heartbeat_at: result["received_at"] });
    expect(await world.call("get_runtime", bob, { runtime_id: "rt-1" })).toMatchObject({
      runtime: { session_id: "abc" },
    });
    expect(await world.call("explain", bob, { agent_id: "bob" })).toMatchObject({
      explanations: [{ facts: { session_id: "abc", spawn_host: "here", runtime_id: "rt-1" } }],
    });
  });

  test("a heartbeat of an agent that nobody registered is welcome", async () => {
    expect(await world.call("heartbeat_session", ann, {})).toMatchObject({ runtime_id: null });
    expect(await world.call("list_agents", person, {})).toMatchObject({
      agents: [{ agent_id: "ann", kind: null, session: null, spawnable: false }],
    });
  });

  test("what an agent is started with is never shown", async () => {
    const answers = [await registerBob(), await world.call("list_agents", person, {}), await world.audit()];
    expect(JSON.stringify(answers)).not.toContain("canary");
  });

  test("a runtime is launched, listed, reconciled, handed over and ended", async () => {
    await expect(launchBob()).rejects.toMatchObject({ code: "agent_not_found" });
    await registerBob();
    expect(await launchBob()).toMatchObject({
      runtime: { runtime_id: "rt-1", agent_id: "bob", host: "here", backend: "tmux", state: "launching" },
    });
    await expect(launchBob()).rejects.toMatchObject({ code: "already_exists" });
    expect(await world.call("list_runtimes", person, {})).toMatchObject({
      runtimes: [{ runtime_id: "rt-1" }],
    });
    expect(await world.call("list_runtimes", ann, { agent_id: "bob" })).toMatchObject({ runtimes: [] });
    expect(await world.call("reconcile_runtime", person, { runtime_id: "rt-1" })).toMatchObject({
      runtime: { state: "launching" },
    });
    await comeToLife();
    expect(await world.call("get_runtime", person, { runtime_id: "rt-1" })).toMatchObject({
      runtime: { state: "unknown", target: "%1", pid: 42, server: "/tmp/s" },
    });
    const pause = { scope: "runtime", runtime_id: "rt-1", reason: "look" };
    await world.call("pause_injection", person, pause);
    await world.call("pause_injection", person, pause);
    expect(await world.call("get_runtime", person, { runtime_id: "rt-1" })).toMatchObject({
      runtime: { injection: "paused" },
    });
    const handOver = { runtime_id: "rt-1", management: "unmanaged", reason: "mine" };
    expect(await world.call("change_runtime_management", person, handOver)).toMatchObject({
      runtime: { management: "unmanaged" },
    });
    await expect(world.call("change_runtime_management", person, handOver)).rejects.toMatchObject({
      code: "transition_refused",
    });
    expect(
      await world.call("deregister_runtime", person, { runtime_id: "rt-1", reason: "done" }),
    ).toMatchObject({ runtime: { state: "deregistered" } });
  });

  test("a terminal is read by a new definition as soon as that is registered", async () => {
    await registerBob();
    await launchBob();
    await world.settle();
    await comeToLife();
    const watches = async (status: "pending" | "cancelled") =>
      (await world.store.listEffects({ status, limit: 10 })).filter(({ port }) => port === "watchTerminal");
    expect([(await watches("pending")).length, (await watches("cancelled")).length]).toEqual([1, 0]);
    await registerBob();
    await world.settle();
    expect([(await watches("pending")).length, (await watches("cancelled")).length]).toEqual([1, 1]);
  });

  test("an agent attaches and ends its own runtime only, and does not see those of others", async () => {
    await expect(
      world.call("register_runtime", ann, { agent_id: "bob", mode: "attach" }),
    ).rejects.toMatchObject({ code: "forbidden" });
    await expect(
      world.call("register_runtime", bob, { agent_id: "bob", mode: "launch" }),
    ).rejects.toMatchObject({ code: "forbidden" });
    await world.call("register_runtime", bob, { agent_id: "bob", mode: "attach", runtime_id: "rt-1" });
    for (const [name, input] of [
      ["get_runtime", {}],
      ["deregister_runtime", { reason: "x" }],
    ] as const) {
      await expect(world.call(name, ann, { runtime_id: "rt-1", ...input })).rejects.toMatchObject({
        code: "runtime_not_found",
      });
    }
    await expect(
      world.call("change_runtime_management", person, {
        runtime_id: "rt-1",
        management: "managed",
        reason: "x",
      }),
    ).rejects.toMatchObject({ code: "transition_refused" });
    expect(await world.call("deregister_runtime", bob, { runtime_id: "rt-1", reason: "bye" })).toMatchObject({
      runtime: { state: "deregistered" },
    });
  });

  test("adopting takes a socket's absolute path and a pane id", async () => {
    const adopt = (server: string, target: string) =>
      world.call("register_runtime", person, { agent_id: "bob", mode: "adopt", server, target });
    await expect(adopt("relative", "%1")).rejects.toMatchObject({ code: "invalid_input" });
    await expect(adopt("/tmp/s", "agent-1")).rejects.toMatchObject({ code: "invalid_input" });
    expect(await adopt("/tmp/s", "%1")).toMatchObject({
      runtime: { state: "launching", management: "managed" },
    });
  });

  test("a definition that its kind does not understand is refused, and nothing is kept", async () => {
    const refused = world.call("register_agent", person, {
      agent_id: "carla",
      kind: "generic",
      definition: { unknown: true },
    });
    await expect(refused).rejects.toMatchObject({ code: "invalid_input" });
    const { agents } = await world.call("list_agents", person, {});
    expect(agents).not.toContainEqual(expect.objectContaining({ agent_id: "carla" }));
  });

  test("explain says in plain words what a wake waits for", async () => {
    await registerBob();
    await launchBob();
    await world.settle();
    await post();
    await onBob("trigger_participant", ann);
    const { explanations } = await world.call("explain", person, { agent_id: "bob" });
    expect(explanations).toMatchObject([
      {
        sentence: "bob in th-1 has 1 unread, but its wake waits: its terminal is starting (runtimeStarting).",
      },
    ]);
  });

  test("explain says in one sentence why an agent is not awake, and what is next", async () => {
    const explain = async (caller: Caller, input: object) => {
      const { explanations } = await world.call("explain", caller, { agent_id: "bob", ...input });
      return (explanations as Record<string, unknown>[])[0];
    };
    expect(await explain(bob, {})).toMatchObject({
      sentence: "bob in th-1 has read everything addressed to it.",
      chart: expect.arrayContaining([
        { state: "attention.caughtUp", descriptions: expect.any(Array) as string[] },
      ]) as object[],
      wake: null,
      next_at: null,
      guards: expect.arrayContaining([{ guard: "isAtRest", holds: true, because: "0 unread" }]) as object[],
      path: expect.arrayContaining([
        expect.objectContaining({ event: expect.any(String) as string }),
      ]) as object[],
    });
    await post();
    await world.settle();
    expect(await explain(ann, { thread_id: "th-1" })).toMatchObject({
      sentence: "bob in th-1 has 1 unread; messages of this moment are being collected.",
      timers: expect.arrayContaining([
        { id: expect.stringContaining("coalescing") as string, due_at: expect.any(String) as string },
      ]) as object[],
    });
    await onBob("trigger_participant", ann);
    expect(await explain(person, {})).toMatchObject({
      sentence: expect.stringMatching(
        /^bob in th-1 has 1 unread and is blocked \(unmanaged\): .+\.$/,
      ) as string,
      facts: { runtime_id: null, session_id: null, spawn_host: null },
    });
    await expect(world.call("explain", ann, { agent_id: "bob" })).rejects.toMatchObject({
      code: "forbidden",
    });
    await expect(world.call("explain", ann, { agent_id: "zoe", thread_id: "th-1" })).rejects.toMatchObject({
      code: "not_a_participant",
    });
  });

  test("receipts, journal and audit show what happened", async () => {
    await onBob("trigger_participant", ann, { reason: "overdue" });
    expect(await world.call("list_wakes", bob, {})).toMatchObject({
      wakes: [{ wake_id: "th-1.bob.1", agent_id: "bob", outcome: "blocked", reason: "unmanaged" }],
    });
    expect(await world.call("list_wakes", ann, { thread_id: "th-1" })).toMatchObject({ wakes: [{}] });
    expect(await world.call("list_wakes", ann, {})).toMatchObject({ wakes: [] });
    const address = "participant/th-1.bob";
    const first = await world.call("get_journal", person, { address, limit: 1 });
    expect(first).toMatchObject({
      entries: [{ address, seq: 1, event: { type: "actor.created" } }],
      has_more: true,
    });
    const second = await world.call("get_journal", person, { address, cursor: first["next_cursor"] });
    expect(second).toMatchObject({
      entries: [{ seq: 2, from: "ann", event: { type: "trigger.requested", reason: "overdue" } }],
    });
    await expect(world.call("get_journal", ann, {})).rejects.toMatchObject({ code: "forbidden" });
    expect(await world.call("list_dead_letters", person, {})).toMatchObject({ dead_letters: [] });
    expect(await world.call("list_audit", person, { limit: 1 })).toMatchObject({
      entries: [{ actor: "ann", operation: "get_journal", outcome: "refused", code: "forbidden" }],
      has_more: true,
    });
  });
});
