import { type ChildProcess, spawn } from "node:child_process";
import { createServer } from "node:net";
import { appendFileSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { writerOf } from "../../../adapters/agents/codex/writer-lock.ts";
import type { AgentProgram, RunningProgram, SourceReport } from "../../../adapters/agents/kind.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import type { DeliverWakeOutput } from "../../../machines/participant/ports.ts";
import { until } from "../../network/until.ts";
import { EagerClock } from "../ports/stage.ts";
import { type FakeAppServer, openFakeAppServer, type Temper } from "./codex-app-server.ts";

const session = "01a1f95b-dbb8-7803-a45d-262b7fc6e133";
const later = "01a1f96c-0000-7803-a45d-262b7fc6e133";

let root: string;
let rollout: string;
let holders: ChildProcess[];
let server: FakeAppServer | null;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "codex-")));
  holders = [];
  server = null;
  const day = join(root, "sessions/2026/11/20");
  mkdirSync(day, { recursive: true });
  mkdirSync(join(root, "sessions/2026/11/21"));
  mkdirSync(join(root, "thread-writer-locks"));
  rollout = join(day, `rollout-2026-11-20T14-28-29-${session}.jsonl`);
});

afterEach(async () => {
  for (const holder of holders) holder.kill("SIGKILL");
  await server?.close();
  await rm(root, { recursive: true, force: true });
});

/** As a living Codex does: a process below the program locks the session's file. */
async function openSession(sessionId = session): Promise<void> {
  const path = join(root, "thread-writer-locks", `${sessionId}.lock`);
  writeFileSync(path, "");
  holders.push(spawn("flock", [path, "cat"], { stdio: ["pipe", "ignore", "ignore"] }));
  await until("the lock", 10_000, async () => (await writerOf(root, sessionId)) !== null);
}

const event = (payload: object): string => `${JSON.stringify({ type: "event_msg", payload })}\n`;
const turnStarted = event({ type: "task_started", turn_id: "t" });
const turnComplete = event({ type: "task_complete", last_agent_message: "done" });
const turnAborted = event({ type: "turn_aborted", reason: "interrupted" });
const usedUp = event({
  type: "token_count",
  rate_limits: {
    primary: { used_percent: 100, window_minutes: 300, resets_at: 1_795_204_781 },
    secondary: { used_percent: 20, window_minutes: 10_080, resets_at: 1_795_291_181 },
  },
});
const limitHit = event({ type: "task_complete", error: { codex_error_info: "usage_limit_exceeded" } });

function programFor(): AgentProgram {
  const env = { CODEX_HOME: root };
  return readAgentProgram(agentKinds, "codex", { cwd: "/", home: "user", env });
}

const running = (changes: Partial<RunningProgram> = {}): RunningProgram => ({
  ...{ runtimeId: "rt", agentId: "ann", sessionId: session, pid: process.pid, cwd: "/", folder: root },
  ...changes,
});

async function serve(temper: Temper = "starts", status = "idle"): Promise<FakeAppServer> {
  server = await openFakeAppServer({ socketPath: join(root, "rt.sock"), rollout, temper, status });
  return server;
}

async function deliver(
  beforeFirstByte = () => Promise.resolve(),
  program = running(),
): Promise<DeliverWakeOutput | undefined> {
  const [channel] = programFor().channels ?? [];
  const io = { beforeFirstByte, signal: new AbortController().signal, clock: new EagerClock() };
  return channel?.deliver(program, { wakeId: "th-1.ann.1", text: "[rouse] look" }, io);
}

const probe = (changes: Partial<RunningProgram> = {}) =>
  programFor().channels?.[0]?.probe(running(changes), new AbortController().signal);

describe("a turn in the session of a living Codex", () => {
  test("delivers, proven by the session's own record, which names the wake", async () => {
    writeFileSync(rollout, turnStarted + turnComplete);
    await openSession();
    const { asked } = await serve();
    expect(await probe()).toEqual({ usable: true });
    asked.splice(0);
    expect(await deliver()).toMatchObject({
      verdict: "delivered",
      evidence: { channel: "codex-app-server", bytes: 12, turnStartedAt: expect.any(Number) as number },
    });
    expect(asked).toEqual(["initialize", "initialized", "thread/read", "turn/start"]);
  });

  test.each([
    ["that never had one", ""],
    ["whose last one a person broke off", turnStarted + turnAborted],
  ])("is begun in a session %s, too", async (_, record) => {
    if (record !== "") writeFileSync(rollout, record);
    await openSession();
    await serve();
    expect(await deliver()).toMatchObject({ verdict: "delivered" });
  });

  test("is not thrown into one that runs", async () => {
    await openSession();
    const { asked } = await serve("starts", "active");
    expect(await deliver()).toMatchObject({ verdict: "deferred", reason: "agentBusy" });
    expect(asked).not.toContain("turn/start");
  });

  test("that does not show in the record is unconfirmed", async () => {
    await openSession();
    await serve("ignores");
    expect(await deliver()).toMatchObject({
      verdict: "unconfirmed",
      evidence: { submittedAt: expect.any(Number) as number, turnStartedAt: null },
    });
  });

  test("that is refused is a deferral", async () => {
    await openSession();
    await serve("refuses");
    expect(await deliver()).toMatchObject({ verdict: "deferred", reason: "stateUnknown" });
  });

  test.each<[string, Temper, string]>([
    ["without it, is unconfirmed", "dies", "unconfirmed"],
    ["which shows it, is delivered", "startsAndDies", "delivered"],
  ])("whose answer is lost leaves the word to the record: %s", async (_, temper, verdict) => {
    await openSession();
    await serve(temper);
    expect(await deliver()).toMatchObject({ verdict });
  });

  test("an earlier message of the same wake is no proof", async () => {
    const item = { type: "UserMessage", client_id: "th-1.ann.1" };
    writeFileSync(rollout, event({ type: "item_completed", item }) + turnComplete);
    await openSession();
    await serve("ignores");
    expect(await deliver()).toMatchObject({ verdict: "unconfirmed" });
  });

  test("is not begun for a wake that is no longer wanted", async () => {
    await openSession();
    const { asked } = await serve();
    await expect(deliver(() => Promise.reject(new Error("paused")))).rejects.toThrow("paused");
    expect(asked).not.toContain("turn/start");
  });

  test("finds the session by its lock when nobody told it; sub-agents have younger ones", async () => {
    writeFileSync(rollout, turnComplete);
    await openSession(later);
    await openSession();
    await serve();
    expect(await deliver(undefined, running({ sessionId: null }))).toMatchObject({ verdict: "delivered" });
  });

  test.each<[string, () => Promise<void> | void, Partial<RunningProgram>, string]>([
    ["whose session nobody has open", () => {}, {}, "it does not have the session open"],
    ["that is another process", () => openSession(), { pid: 2 ** 22 }, "it does not have the session open"],
    ["whose session is not known", () => {}, { sessionId: null }, "its session is not known"],
  ])("a Codex %s is not reached by it", async (_, arrange, changes, why) => {
    await arrange();
    const { asked } = await serve();
    expect(await probe(changes)).toEqual({ usable: false, why });
    await expect(deliver(undefined, running(changes))).rejects.toThrow(why);
    expect(asked).toEqual([]);
  });

  test("a Codex whose app-server nobody answers for is not reached by it", async () => {
    await openSession();
    expect(await probe()).toEqual({ usable: false, why: "its app-server does not answer" });
    await expect(deliver()).rejects.toThrow(/ENOENT/);
    const listener = createServer((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    await new Promise<void>((resolve) => void listener.listen(join(root, "rt.sock"), resolve));
    await expect(deliver()).rejects.toThrow(/refused with 400/);
    listener.close();
  });
});

describe("what a session's own files tell", () => {
  test("a session is held while a process locks its file and keeps it", async () => {
    await openSession();
    const program = programFor();
    expect(await program.isSessionHeld?.(session, root)).toBe(true);
    expect(await program.isSessionHeld?.(later, root)).toBe(false);
    expect(await program.isSessionHeld?.("../x", root)).toBeNull();
    // One that is being killed holds it for a moment longer.
    const held = program.isSessionHeld?.(session, root);
    for (const holder of holders) holder.kill("SIGKILL");
    expect(await held).toBe(false);
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
      [turnStarted + usedUp + limitHit, "limited"],
    ] as const) {
      // A line may come in two pieces.
      appendFileSync(rollout, text.slice(0, -5));
      appendFileSync(rollout, text.slice(-5));
      await until(activity, 10_000, async () => (await last()) === activity);
    }
    await until("the reset", 10_000, async () => told.at(-1)?.limitedUntil === 1_795_204_781_000);
    abort.abort();
    await observing;
    expect(told.every(({ sessionId }) => sessionId === session)).toBe(true);
  });
});
