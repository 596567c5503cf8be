import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Caller } from "../../../api/operations/caller.ts";
import type { Role } from "../../../machines/roles.ts";
import { ManualClock } from "../../manual-clock.ts";
import { storeFixtures } from "../../runtime/stores.ts";
import { callerOf, createWorld, type World } from "../world.ts";

const prompt = {
  fingerprint: "70aaed4fda9c81d455e53892b9c651d9",
  text: "Would you like to run npm test?\n  1. Yes\n  2. No",
  options: [
    { option: "1", label: "Yes" },
    { option: "2", label: "No" },
  ],
};
const other = { ...prompt, fingerprint: "0".repeat(32), text: "Something else?" };

describe.each(storeFixtures())("prompts $name", (fixture) => {
  let world: World;
  let person: Caller;

  beforeEach(async () => {
    const clock = new ManualClock();
    world = await createWorld(clock, await fixture.open(clock));
    person = callerOf(world, "pat", "operator");
    const definition = { argv: ["bob"] };
    await world.call("register_agent", person, { agent_id: "bob", kind: "generic", definition });
    for (const id of ["rt-0", "rt-1"])
      await world.call("register_runtime", person, { agent_id: "bob", mode: "launch", runtime_id: id });
    const address = { backend: "tmux", server: "/tmp/s", target: "%1", pid: 42, pidStartedAt: "7" };
    await perform("launchTerminal", { address, sessionId: null });
    await show("rt-1", { activity: "dialog", dialog: "permission", prompt });
  });
  afterAll(() => fixture.close());

  /** What the host's node would do. */
  const perform = async (port: string, output: object) => {
    const ask = { nodeId: "n", host: "here", ports: [port], limit: 9, leaseMs: 9_000 };
    const claimed = await world.store.claimEffects(ask);
    for (const { lease } of claimed) await world.store.settleEffect(lease, { status: "done", output });
    await world.settle();
    return claimed.map(({ input }) => input);
  };
  const show = async (runtimeId: string, observation: object) => {
    const mail = {
      to: `runtime/${runtimeId}`,
      from: "test",
      event: { type: "terminal.observed", observation },
    };
    await world.store.transaction((tx) => tx.send([mail as never]));
    await world.settle();
  };
  const listed = async (caller = person, input: object = {}) =>
    (await world.call("list_prompts", caller, input))["prompts"] as Record<string, unknown>[];
  const answer = (changes: object = {}, caller = person) =>
    world.call("answer_prompt", caller, {
      ...{ runtime_id: "rt-1", fingerprint: prompt.fingerprint, option: "1" },
      ...changes,
    });
  const outcome = async () => {
    const { runtime } = await world.call("get_runtime", person, { runtime_id: "rt-1" });
    return (runtime as { answer: object | null }).answer;
  };

  test("show what dialogs ask, wherever one is open, and nothing else", async () => {
    expect(await listed()).toMatchObject([
      { runtime_id: "rt-1", agent_id: "bob", dialog: "permission", prompt },
    ]);
    expect(await listed(person, { limit: 1 })).toHaveLength(1);
    expect(await listed(person, { runtime_id: "rt-0" })).toEqual([]);
    expect(await listed(person, { agent_id: "bob" })).toHaveLength(1);
    await show("rt-1", { activity: "busy" });
    expect(await listed()).toEqual([]);
  });

  test("that cannot be answered from afar are listed without text", async () => {
    await show("rt-1", { activity: "dialog", dialog: "login", prompt });
    expect(await listed()).toMatchObject([
      { dialog: "login", prompt: null, attach: "rouse runtime attach rt-1" },
    ]);
  });

  test("are answered once, by their fingerprint, on record with the option's words", async () => {
    expect(await answer({ reason: "it is ours" })).toMatchObject({
      runtime: { answer: { outcome: "pending", option: "1", label: "Yes", by: "pat" } },
    });
    await expect(answer()).rejects.toMatchObject({ code: "transition_refused" });
    const inputs = await perform("answerPrompt", { verdict: "answered" });
    expect(inputs).toMatchObject([{ runtimeId: "rt-1", fingerprint: prompt.fingerprint, option: "1" }]);
    expect(await outcome()).toMatchObject({
      outcome: "answered",
      refusal: null,
      settled_at: expect.any(String),
    });
    const { entries } = await world.call("list_audit", person, {
      operation: "answer_prompt",
      outcome: "done",
    });
    expect(entries).toMatchObject([
      {
        actor: "pat",
        subject: "runtime/rt-1",
        reason: "it is ours",
        details: { fingerprint: prompt.fingerprint, option: "1" },
        changes: expect.arrayContaining([
          { of: "runtime/rt-1 dialog", before: prompt.fingerprint, after: "Yes" },
        ]),
      },
    ]);
  });

  test("that changed are not answered, and the refusal names what is shown now", async () => {
    await show("rt-1", { activity: "dialog", dialog: "permission", prompt: other });
    await expect(answer()).rejects.toMatchObject({
      code: "prompt_changed",
      details: { fingerprint: other.fingerprint },
    });
    await show("rt-1", { activity: "idle" });
    await expect(answer()).rejects.toMatchObject({ code: "prompt_changed", details: { fingerprint: null } });
    expect(await perform("answerPrompt", { verdict: "answered" })).toEqual([]);
  });

  test("refuse an option that they do not offer, and a runtime that does not exist", async () => {
    await expect(answer({ option: "3" })).rejects.toMatchObject({ code: "invalid_input" });
    await expect(answer({ runtime_id: "rt-9" })).rejects.toMatchObject({ code: "runtime_not_found" });
  });

  test("of a paused runtime are not answered", async () => {
    await world.call("pause_injection", person, { scope: "runtime", runtime_id: "rt-1", reason: "red" });
    await expect(answer()).rejects.toMatchObject({ code: "transition_refused" });
  });

  test.each<[Role, boolean]>([
    ["participant", false],
    ["coordinator", false],
    ["auditor", true],
  ])("are not answered by a %s", async (role, sees) => {
    const caller = callerOf(world, "ann", role);
    await expect(answer({}, caller)).rejects.toMatchObject({ code: "forbidden" });
    const seen = listed(caller);
    if (sees) expect(await seen).toHaveLength(1);
    else await expect(seen).rejects.toMatchObject({ code: "forbidden" });
    expect(await outcome()).toBeNull();
  });
});
