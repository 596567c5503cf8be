import { describe, expect, test } from "vitest";
import type { AgentProgram, RunningProgram, WakeChannel } from "../../../adapters/agents/kind.ts";
import type { DeliverWakeOutput } from "../../../machines/participant/ports.ts";
import type { Observation } from "../../../machines/runtime/contract.ts";
import { eagerStage, genericWith, type Stage } from "./stage.ts";

const input = {
  wakeId: "th-1.reviewer.1",
  threadId: "th-1",
  agentId: "reviewer",
  host: "here",
  runtimeId: "rt",
  attempt: 1,
  unread: 2,
  quietWindowMs: 20_000,
  force: false,
};
const line = "[rouse th-1.reviewer.1] 2 unread in thread th-1: call read_messages, then ack_read.";

type Behaviour = "delivers" | "writesNothing" | "failsBefore" | "failsAfter" | "unconfirmed" | "unusable";

/** A channel that does as told, and remembers what was asked of it. */
class FakeChannel implements WakeChannel {
  readonly name: string;
  behaviour: Behaviour;
  probes = 0;
  received: string[] = [];
  programs: RunningProgram[] = [];

  constructor(name: string, behaviour: Behaviour) {
    this.name = name;
    this.behaviour = behaviour;
  }

  probe: WakeChannel["probe"] = async () => {
    this.probes += 1;
    return this.behaviour === "unusable" ? { usable: false, why: "not there" } : { usable: true };
  };

  deliver: WakeChannel["deliver"] = async (program, { text }, io) => {
    this.programs.push(program);
    if (this.behaviour === "failsBefore") throw new Error("no connection");
    await io.beforeFirstByte();
    if (this.behaviour === "writesNothing")
      return { verdict: "deferred", reason: "stateUnknown", retryAfterMs: null };
    this.received.push(text);
    if (this.behaviour === "failsAfter") throw new Error("broken pipe");
    const now = io.clock.now();
    const evidence = { channel: this.name, bytes: text.length, firstByteAt: now, turnStartedAt: null };
    if (this.behaviour === "unconfirmed")
      return { verdict: "unconfirmed", evidence: { ...evidence, submittedAt: null } };
    return { verdict: "delivered", evidence: { ...evidence, submittedAt: now } };
  };
}

interface Scene {
  stage: Stage;
  wake: (changes?: object) => Promise<DeliverWakeOutput>;
  typed: () => Promise<boolean>;
}

async function scene(
  channels: WakeChannel[],
  { observation, ...abilities }: Partial<AgentProgram> & { observation?: Observation } = {},
): Promise<Scene> {
  const stage = eagerStage({ kinds: genericWith({ channels, ...abilities }) });
  const address = await stage.launch("rt");
  stage.addRuntime("rt", {
    address,
    sessionId: "ses",
    observation: observation ?? { activity: "idle" },
  });
  return {
    stage,
    wake: async (changes = {}) =>
      (await stage.perform("deliverWake", { ...input, ...changes })) as DeliverWakeOutput,
    typed: async () => (await stage.terminal.view(address)).lines.join("").includes("[rouse"),
  };
}

describe("waking by a structured channel", () => {
  test("the best one carries the fixed line, the terminal stays as it is, and the evidence names the channel", async () => {
    const [best, second] = [new FakeChannel("queue", "delivers"), new FakeChannel("socket", "delivers")];
    const { stage, wake, typed } = await scene([best, second]);
    expect(await wake()).toMatchObject({ verdict: "delivered", evidence: { channel: "queue" } });
    expect([best.received, second.received, await typed()]).toEqual([[line], [], false]);
    expect(best.programs).toMatchObject([
      { runtimeId: "rt", agentId: "reviewer", sessionId: "ses", folder: "/nowhere/reviewer/generic" },
    ]);
    expect(stage.started).toBe(1);
  });

  test.each<Behaviour>(["unusable", "failsBefore", "writesNothing"])(
    "one that %s gives way to the next, and the last to the terminal; the effect is marked once",
    async (behaviour) => {
      const [best, second] = [new FakeChannel("queue", behaviour), new FakeChannel("socket", behaviour)];
      const { stage, wake } = await scene([best, second]);
      expect(await wake()).toMatchObject({ verdict: "delivered", evidence: { channel: "scripted" } });
      expect([best.received, second.received]).toEqual([[], []]);
      expect(stage.started).toBe(1);
      second.behaviour = "delivers";
      expect(await wake()).toMatchObject({ evidence: { channel: "socket" } });
    },
  );

  test.each<Behaviour>(["failsAfter", "unconfirmed"])(
    "one that wrote and %s is unconfirmed: nothing else is tried",
    async (behaviour) => {
      const [best, second] = [new FakeChannel("queue", behaviour), new FakeChannel("socket", "delivers")];
      const { wake, typed } = await scene([best, second]);
      expect(await wake()).toMatchObject({
        verdict: "unconfirmed",
        evidence: { channel: "queue", bytes: line.length, submittedAt: null },
      });
      expect([best.received.length, second.received, await typed()]).toEqual([1, [], false]);
    },
  );

  test("a probe holds until the channel fails; after that others come first and it is asked again", async () => {
    const [best, second] = [new FakeChannel("queue", "delivers"), new FakeChannel("socket", "delivers")];
    const { wake } = await scene([best, second]);
    await wake();
    await wake();
    expect(best.probes).toBe(1);
    best.behaviour = "failsBefore";
    expect(await wake()).toMatchObject({ evidence: { channel: "socket" } });
    expect(await wake()).toMatchObject({ evidence: { channel: "socket" } });
    expect(best.programs).toHaveLength(3);
    best.behaviour = "delivers";
    second.behaviour = "failsBefore";
    expect(await wake()).toMatchObject({ evidence: { channel: "queue" } });
    expect(best.probes).toBe(2);
  });

  test("a person's draft is left intact and is no reason to wait", async () => {
    const channel = new FakeChannel("queue", "delivers");
    const { stage, wake } = await scene([channel]);
    stage.scripted.personTypes("rt", "half a thought");
    await new Promise<void>((resolve) => stage.clock.after(30_000, resolve));
    expect(await wake()).toMatchObject({ verdict: "delivered" });
    const view = await stage.terminal.view(await stage.terminal.find("rt").then((found) => found!));
    expect(view.lines.join("\n")).toContain("half a thought");
  });

  test("but without a channel that will do the draft keeps the line away", async () => {
    const { stage, wake } = await scene([new FakeChannel("queue", "unusable")]);
    stage.scripted.personTypes("rt", "half a thought");
    await new Promise<void>((resolve) => stage.clock.after(30_000, resolve));
    expect(await wake()).toMatchObject({ verdict: "deferred", reason: "draftPresent" });
    expect(stage.started).toBe(0);
  });

  test.each<[string, Observation, string]>([
    ["a dialog", { activity: "dialog", dialog: "permission" }, "dialogOpen"],
    ["a usage limit", { activity: "limited" }, "dialogOpen"],
    ["a usage limit that lasts", { activity: "limited", limitedUntil: 9_000_000_000_000 }, "dialogOpen"],
    ["a turn", { activity: "busy" }, "agentBusy"],
    ["a state that nobody knows", { activity: "unknown" }, "stateUnknown"],
  ])("%s defers every channel", async (_, observation, reason) => {
    const channel = new FakeChannel("queue", "delivers");
    const { wake } = await scene([channel], { observation });
    expect(await wake()).toMatchObject({ verdict: "deferred", reason });
    expect(channel.programs).toEqual([]);
  });

  test("a usage limit whose end was told and has passed defers nothing", async () => {
    const channel = new FakeChannel("queue", "delivers");
    const { wake } = await scene([channel], { observation: { activity: "limited", limitedUntil: 5 } });
    expect(await wake()).toMatchObject({ verdict: "delivered" });
  });

  test("a person who types now defers every channel; an operator's override does not wait", async () => {
    const channel = new FakeChannel("queue", "delivers");
    const { stage, wake } = await scene([channel]);
    stage.scripted.personTypes("rt", "x");
    expect(await wake()).toMatchObject({ verdict: "deferred", reason: "humanTyping" });
    expect(await wake({ force: true })).toMatchObject({ verdict: "delivered" });
  });

  test("a bare shell in front means that nobody would read the channel", async () => {
    const { stage, wake } = await scene([new FakeChannel("queue", "delivers")]);
    stage.scripted.foregroundBecomes("rt", "bash");
    expect(await wake()).toEqual({ verdict: "refused", reason: "bareShell" });
  });

  test("a pause before the first byte ends the wake, not only this channel", async () => {
    const second = new FakeChannel("socket", "delivers");
    const pausing: WakeChannel = {
      name: "queue",
      probe: async () => ({ usable: true }),
      deliver: async (_program, _wake, io) => {
        stage.addAgent("reviewer", { paused: true });
        await io.beforeFirstByte();
        throw new Error("not reached");
      },
    };
    const { stage, wake, typed } = await scene([pausing, second]);
    expect(await wake()).toEqual({ verdict: "refused", reason: "injectionPaused" });
    expect([second.programs, await typed(), stage.started]).toEqual([[], false, 0]);
  });

  test.each([
    ["a version that our patterns were not recorded with", { text: "9.9", known: false }],
    ["a version that cannot be told", null],
  ])("%s closes every channel, the terminal too", async (_, version) => {
    const channel = new FakeChannel("queue", "delivers");
    const { wake, typed } = await scene([channel], { version: async () => version });
    expect(await wake()).toMatchObject({ verdict: "deferred", reason: "stateUnknown" });
    expect([channel.programs, await typed()]).toEqual([[], false]);
  });
});
