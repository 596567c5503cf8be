import { type ChildProcess, spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AgentProgram, RunningProgram, SourceReport } from "../../../adapters/agents/kind.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import type { DeliverWakeOutput } from "../../../machines/participant/ports.ts";
import { until } from "../../network/until.ts";
import { EagerClock } from "../ports/stage.ts";

const session = "01a1f95b-dbb8-7803-a45d-262b7fc6e133";
const later = "01a1f96c-0000-7803-a45d-262b7fc6e133";
const fake = join(import.meta.dirname, "../../fixtures/fake-codex.ts");

let root: string;
let rollout: string;
let holders: ChildProcess[];

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "codex-")));
  holders = [];
  const day = join(root, "sessions/2026/11/20");
  mkdirSync(day, { recursive: true });
  mkdirSync(join(root, "sessions/2026/11/21"));
  mkdirSync(join(root, "thread-writer-locks"));
  rollout = join(day, `rollout-2026-11-20T14-28-29-${session}.jsonl`);
  writeFileSync(join(root, "log"), "");
});

afterEach(async () => {
  for (const holder of holders) holder.kill("SIGKILL");
  await rm(root, { recursive: true, force: true });
});

/** As a living Codex does: a process below the program locks the session's file. */
async function openSession(sessionId = session): Promise<void> {
  const path = join(root, "thread-writer-locks", `${sessionId}.lock`);
  writeFileSync(path, "");
  holders.push(spawn("flock", [path, "cat"], { stdio: ["pipe", "ignore", "ignore"] }));
  await until("the lock", 10_000, async () => (await programFor().isSessionHeld?.(sessionId, root)) === true);
}

const event = (payload: object): string => `${JSON.stringify({ type: "event_msg", payload })}\n`;
const turnStarted = event({ type: "task_started", turn_id: "t" });
const turnComplete = event({ type: "task_complete", last_agent_message: "done" });
const turnAborted = event({ type: "turn_aborted", reason: "interrupted" });
const limitHit = event({ type: "task_complete", error: { codex_error_info: "usage_limit_exceeded" } });

function programFor(mode = "taken"): AgentProgram {
  const env = { CODEX_HOME: root, FAKE_QUEUE: mode, FAKE_ROLLOUT: rollout, FAKE_LOG: join(root, "log") };
  const command = [process.execPath, "--no-warnings", fake];
  return readAgentProgram(agentKinds, "codex", { command, cwd: "/", home: "user", env });
}

const running = (changes: Partial<RunningProgram> = {}): RunningProgram => ({
  ...{ runtimeId: "rt", agentId: "ann", sessionId: session, pid: process.pid, cwd: "/", folder: root },
  ...changes,
});

const asked = () => readFileSync(join(root, "log"), "utf8").split("\n").filter(Boolean);

async function deliver(
  mode: string,
  beforeFirstByte = () => Promise.resolve(),
  program = running(),
): Promise<DeliverWakeOutput | undefined> {
  const [channel] = programFor(mode).channels ?? [];
  const io = { beforeFirstByte, signal: new AbortController().signal, clock: new EagerClock() };
  return channel?.deliver(program, { wakeId: "th-1.ann.1", text: "[rouse] look" }, io);
}

describe("the queue of a living Codex", () => {
  test("delivers, proven by the session's own record, which names the wake", async () => {
    writeFileSync(rollout, turnStarted + turnComplete);
    await openSession();
    const output = await deliver("taken");
    expect(output).toMatchObject({
      verdict: "delivered",
      evidence: { channel: "codex-queue", bytes: 12, turnStartedAt: expect.any(Number) as number },
    });
    expect(asked()).toEqual(["initialize", "initialized", "thread/queue/add"]);
  });

  test("takes back what nobody takes: then nothing was delivered", async () => {
    writeFileSync(rollout, turnComplete);
    await openSession();
    expect(await deliver("ignored")).toMatchObject({ verdict: "deferred", reason: "stateUnknown" });
    expect(asked()).toContain("thread/queue/delete");
  });

  test("what was taken while it was taken back is delivered", async () => {
    writeFileSync(rollout, turnComplete);
    await openSession();
    expect(await deliver("late")).toMatchObject({ verdict: "delivered" });
  });

  test("a refusal is a deferral, a broken connection is not: it may have been taken in", async () => {
    writeFileSync(rollout, turnComplete);
    await openSession();
    expect(await deliver("refuses")).toMatchObject({ verdict: "deferred" });
    await expect(deliver("dies")).rejects.toThrow(/app-server ended/);
  });

  test("an earlier message of the same wake is no proof", async () => {
    const item = { type: "UserMessage", client_id: "th-1.ann.1" };
    writeFileSync(rollout, event({ type: "item_completed", item }) + turnComplete);
    await openSession();
    expect(await deliver("ignored")).toMatchObject({ verdict: "deferred" });
  });

  test("behind a turn that runs it waits there, unconfirmed, and is not taken back", async () => {
    writeFileSync(rollout, turnStarted);
    await openSession();
    expect(await deliver("ignored")).toMatchObject({ verdict: "unconfirmed" });
    expect(asked()).not.toContain("thread/queue/delete");
  });

  test("a wake that is no longer wanted leaves nothing in it", async () => {
    writeFileSync(rollout, turnComplete);
    await openSession();
    const paused = () => Promise.reject(new Error("paused"));
    await expect(deliver("taken", paused)).rejects.toThrow("paused");
    expect(asked()).not.toContain("thread/queue/add");
  });

  test("finds the session by its lock when nobody told it; sub-agents have younger ones", async () => {
    writeFileSync(rollout, turnComplete);
    await openSession(later);
    await openSession();
    expect(await deliver("taken", undefined, running({ sessionId: null }))).toMatchObject({
      verdict: "delivered",
    });
  });

  test.each<[string, () => Promise<void> | void, Partial<RunningProgram>, string]>([
    ["whose session nobody has open", () => {}, {}, "it does not have the session open"],
    ["that is another process", () => openSession(), { pid: 2 ** 22 }, "it does not have the session open"],
    ["whose session is not known", () => {}, { sessionId: null }, "its session is not known"],
    ["without a turn", () => openSession(), {}, "the session has had no turn"],
  ])("a Codex %s is not reached by it", async (_, arrange, changes, why) => {
    await arrange();
    const [channel] = programFor().channels ?? [];
    const probe = await channel?.probe(running(changes), new AbortController().signal);
    expect(probe).toEqual({ usable: false, why });
    await expect(deliver("taken", undefined, running(changes))).rejects.toThrow(why);
    expect(asked()).toEqual([]);
  });

  test("is stalled after a turn that a person broke off, and works again after the next", async () => {
    writeFileSync(rollout, turnStarted + turnAborted);
    await openSession();
    const [channel] = programFor().channels ?? [];
    const probe = () => channel?.probe(running(), new AbortController().signal);
    expect(await probe()).toMatchObject({ usable: false, why: expect.stringContaining("stalls") as string });
    appendFileSync(rollout, turnStarted + turnComplete);
    expect(await probe()).toEqual({ usable: true });
  });
});

describe("what a session's own files tell", () => {
  test("a session is held while a process locks its file, and free once that ends", async () => {
    await openSession();
    const program = programFor();
    expect(await program.isSessionHeld?.(session, root)).toBe(true);
    expect(await program.isSessionHeld?.(later, root)).toBe(false);
    expect(await program.isSessionHeld?.("../x", root)).toBeNull();
    for (const holder of holders) holder.kill("SIGKILL");
    await until("its release", 10_000, async () => (await program.isSessionHeld?.(session, root)) === false);
  });

  test("its session, and each turn as it comes, whatever else the record holds", async () => {
    const told: SourceReport[] = [];
    const abort = new AbortController();
    const last = () => Promise.resolve(told.at(-1)?.activity);
    const observing = programFor().observe?.(
      running({ sessionId: null }),
      (report) => told.push(report),
      abort.signal,
    );
    await openSession();
    await until("the session", 10_000, async () => told.length === 1);
    expect(told).toEqual([{ source: "events", activity: "unknown", sessionId: session }]);
    for (const [text, activity] of [
      [`{"type":"event_msg","payload":"garbage"}\nno json "event_msg"\n${turnStarted}`, "busy"],
      [turnComplete, "idle"],
      [turnStarted, "busy"],
      [turnAborted, "idle"],
      [turnStarted + limitHit, "limited"],
    ] as const) {
      // A line may come in two pieces.
      appendFileSync(rollout, text.slice(0, -5));
      appendFileSync(rollout, text.slice(-5));
      await until(activity, 10_000, async () => (await last()) === activity);
    }
    abort.abort();
    await observing;
    expect(told.every(({ sessionId }) => sessionId === session)).toBe(true);
  });
});
