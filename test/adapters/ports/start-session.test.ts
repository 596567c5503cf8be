import { beforeEach, describe, expect, test } from "vitest";
import type { RuntimeContext } from "../../../machines/runtime/events.ts";
import type { CreateRequest } from "../../../runtime/engine.ts";
import { type Stage, eagerStage, genericWith, startPlan } from "./stage.ts";

const input = {
  wakeId: "th-1.reviewer.1",
  threadId: "th-1",
  agentId: "reviewer",
  host: "here",
  runtimeId: "new",
  unread: 2,
};
const line = "[rouse th-1.reviewer.1] 2 unread in thread th-1: call read_messages, then ack_read.";

let stage: Stage;
beforeEach(() => {
  stage = eagerStage();
});

const resume = () => stage.perform("resumeSession", { ...input, sessionId: "ses-1" });
const spawn = () => stage.perform("spawnSession", input);
const started = { verdict: "started", runtimeId: "new" };

function planOf(request: CreateRequest | undefined): unknown {
  const { origin } = (request?.input ?? {}) as RuntimeContext;
  return origin.type === "launch" ? origin.plan : origin;
}

describe("resuming a session", () => {
  test("creates a managed runtime whose chart launches the resume", async () => {
    expect(await resume()).toEqual(started);
    expect(stage.created).toMatchObject([
      {
        kind: "runtime",
        address: "runtime/new",
        subject: "reviewer",
        input: {
          runtimeId: "new",
          agentId: "reviewer",
          host: "here",
          management: "managed",
          sessionId: "ses-1",
        },
      },
    ]);
    expect(planOf(stage.created[0])).toEqual({ purpose: "resume", sessionId: "ses-1", prompt: line });
  });

  test("hands on when the agent's earlier runtimes died, so that a crash loop shows", async () => {
    stage.addRuntime("first", { deaths: [10, 20] });
    stage.addRuntime("second", { deaths: [20, 30] });
    await resume();
    expect(stage.created[0]?.input).toMatchObject({ deaths: [10, 20, 30] });
  });

  test("a second attempt finds the runtime of the first", async () => {
    await resume();
    expect(await resume()).toEqual(started);
    expect(stage.created).toHaveLength(1);
  });

  test("a living terminal that holds the session refuses it", async () => {
    stage.addRuntime("old", { address: await stage.launch("old"), sessionId: "ses-1" });
    expect(await resume()).toEqual({ verdict: "refused", reason: "sessionHeld" });
    expect(stage.created).toEqual([]);
  });

  test("a runtime that counts as living, but whose program ended, holds nothing", async () => {
    stage.addRuntime("old", { address: await stage.launch("old"), sessionId: "ses-1" });
    stage.scripted.programEnds("old", 137);
    expect(await resume()).toEqual(started);
  });

  test("another program in the old place holds nothing", async () => {
    stage.addRuntime("old", { address: await stage.launch("old"), sessionId: "ses-1" });
    stage.scripted.programIsReplaced("old");
    expect(await resume()).toEqual(started);
  });

  test("a living terminal with another session is no holder", async () => {
    stage.addRuntime("old", { address: await stage.launch("old"), sessionId: "ses-2" });
    expect(await resume()).toEqual(started);
  });

  test.each<[string, Partial<RuntimeContext>]>([
    ["a launch that resumes it is under way", reportedAs("launching", { origin: resumeOrigin() })],
    ["a runtime on another host lives", reportedAs("idle", { host: "there", sessionId: "ses-1" })],
    [
      "a program outside of our terminals lives",
      reportedAs("idle", { origin: { type: "attach", pid: process.pid }, sessionId: "ses-1" }),
    ],
  ])("%s: refused", async (_, context) => {
    stage.addRuntime("old", context);
    expect(await resume()).toEqual({ verdict: "refused", reason: "sessionHeld" });
  });

  test.each<[string, boolean | null, object]>([
    ["held by its locks", true, { verdict: "refused", reason: "sessionHeld" }],
    ["held, as far as can be told", null, { verdict: "refused", reason: "sessionHeld" }],
    ["free", false, started],
  ])("a session that the program itself says is %s", async (_, isHeld, verdict) => {
    const asked: string[] = [];
    const isSessionHeld = async (sessionId: string, folder: string) => {
      asked.push(sessionId, folder);
      return isHeld;
    };
    stage = eagerStage({ kinds: genericWith({ isSessionHeld }) });
    expect(await resume()).toEqual(verdict);
    expect(asked).toEqual(["ses-1", "/nowhere/reviewer/generic"]);
  });

  test.each<[string, Partial<RuntimeContext>]>([
    ["a runtime on another host that is dead", reportedAs("dead", { host: "there", sessionId: "ses-1" })],
    ["a dead runtime without a terminal", reportedAs("dead", { sessionId: "ses-1" })],
  ])("%s holds nothing", async (_, context) => {
    stage.addRuntime("old", context);
    expect(await resume()).toEqual(started);
  });

  test.each([
    ["an agent that nobody registered", { kind: null, definition: null }],
    ["a kind that does not exist", { kind: "codex-9" }],
    ["a definition that is not understood", { definition: { command: [] } }],
    [
      "a definition without resume arguments",
      { definition: { ...(eagerStage().agents.get("reviewer")?.definition as object), resume: undefined } },
    ],
  ])("%s: noSession", async (_, changes) => {
    stage.addAgent("reviewer", changes);
    expect(await resume()).toEqual({ verdict: "refused", reason: "noSession" });
  });
});

function reportedAs(state: string, context: Partial<RuntimeContext>): Partial<RuntimeContext> {
  return { ...context, reported: { state } as RuntimeContext["reported"] };
}

function resumeOrigin(): RuntimeContext["origin"] {
  return {
    type: "launch",
    backend: "scripted",
    plan: { ...startPlan, purpose: "resume", sessionId: "ses-1" },
  };
}

describe("spawning a session", () => {
  beforeEach(() => {
    stage.thread = {
      threadId: "th-1",
      title: "Parser",
      type: "review",
      createdBy: "op",
      createdAt: 0,
      statusReason: "",
      statusBy: "op",
      updatedAt: 0,
      firstSeq: 1,
      headSeq: 1,
      status: "active",
    };
    stage.messages = Array.from({ length: 100 }, (_, index) => ({
      threadId: "th-1",
      seq: index + 1,
      author: "executioner",
      authorRole: "participant" as const,
      kind: "finding" as const,
      to: null,
      inReplyTo: null,
      createdAt: 0,
      body: `\u001B[201~finding\u202E ${index + 1} ${"x".repeat(500)}`,
    }));
  });

  test("hands over a bounded, printable summary that ends with the pointer line", async () => {
    expect(await spawn()).toEqual(started);
    const { purpose, prompt } = planOf(stage.created[0]) as { purpose: string; prompt: string };
    expect(purpose).toBe("spawn");
    expect(prompt).toContain('Thread th-1 "Parser" is active');
    expect(prompt).toContain("finding 100");
    expect(prompt.endsWith(`\n\n${line}`)).toBe(true);
    expect(prompt).not.toContain("\u001B");
    expect(prompt).not.toContain("\u202E");
    expect(Buffer.byteLength(prompt)).toBeLessThanOrEqual(4096 + 202);
  });

  test("a second attempt finds the runtime of the first", async () => {
    await spawn();
    expect(await spawn()).toEqual(started);
    expect(stage.created).toHaveLength(1);
  });

  test("an agent that nobody told us how to start is not spawnable", async () => {
    stage.addAgent("reviewer", { kind: null, definition: null });
    expect(await spawn()).toEqual({ verdict: "refused", reason: "notSpawnable" });
  });
});
