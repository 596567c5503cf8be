import { spawn, spawnSync } from "node:child_process";
import { appendFileSync, mkdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SourceReport } from "../../../adapters/agents/kind.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import { processStartedAt } from "../../../adapters/terminals/process-table.ts";
import { until } from "../../network/until.ts";

const session = "0b6b1c0e-6a2f-4c55-9d0a-9a3c1c5d7e11";
const other = "1c7c2d1f-7b30-4d66-8e1b-0b4d2d6e8f22";
const domain = `linux:${readFileSync("/etc/machine-id", "utf8").trim()}:${readlinkSync("/proc/self/ns/pid")}`;

let folder: string;
let config: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "claude-code-"));
  config = join(folder, "config");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const program = () => readAgentProgram(agentKinds, "claude-code", { cwd: "/" });

/** This process plays the living program. */
function writeSessionFile(changes: object = {}, pid = process.pid): void {
  mkdirSync(join(config, "sessions"), { recursive: true });
  const living = {
    pid,
    procStart: processStartedAt(pid),
    pidDomain: domain,
    sessionId: session,
    status: "idle",
  };
  writeFileSync(join(config, `sessions/${pid}.json`), JSON.stringify({ ...living, ...changes }));
}

describe("whether a session of Claude Code is held", () => {
  const isHeld = (id = session) => program().isSessionHeld?.(id, folder);

  test("a living process that has it open holds it, and no other session", async () => {
    writeSessionFile();
    expect(await isHeld()).toBe(true);
    expect(await isHeld(other)).toBe(false);
  });

  test("before the first start nobody holds anything", async () => {
    expect(await isHeld()).toBe(false);
  });

  test("a process that has ended, or whose id was used again, holds nothing", async () => {
    const { pid } = spawnSync("/bin/true");
    writeSessionFile({ procStart: "1" }, pid);
    expect(await isHeld()).toBe(false);
    writeSessionFile({ procStart: "1" });
    expect(await isHeld()).toBe(false);
  });

  test("a process that is being killed holds it no longer", async () => {
    const child = spawn("/bin/sleep", ["60"], { stdio: "ignore" });
    writeSessionFile({}, child.pid);
    const held = isHeld();
    child.kill("SIGKILL");
    expect(await held).toBe(false);
  });

  test("what lives in another container or on another machine cannot be told", async () => {
    writeSessionFile({ pidDomain: "linux:another:pid:[1]" });
    expect(await isHeld()).toBeNull();
    expect(await isHeld(other)).toBe(false);
  });

  test("a file that is half written cannot be told, either", async () => {
    mkdirSync(join(config, "sessions"), { recursive: true });
    writeFileSync(join(config, "sessions/1.json"), '{"pid":1,');
    expect(await isHeld()).toBeNull();
  });

  test("key files beside the session files are not read", async () => {
    mkdirSync(join(config, "sessions/1.abc.key"), { recursive: true });
    expect(await isHeld()).toBe(false);
  });
});

describe("Claude Code's own word on its state", () => {
  /** What is told while `act` runs through its steps, each of which waits for a report. */
  async function observing(act: (told: (expected: object) => Promise<void>) => Promise<void>): Promise<void> {
    const stop = new AbortController();
    let last: SourceReport | null = null;
    const running = {
      ...{ runtimeId: "rt-1", agentId: "a", sessionId: session, pid: process.pid, cwd: "/", folder },
    };
    const ended = program().observe?.(running, (report) => (last = report), stop.signal);
    const told = async (expected: object) => {
      await until(`a report like ${JSON.stringify(expected)}`, 8_000, () => {
        expect(last).toEqual({ source: "stateFile", ...expected });
        return true;
      });
    };
    await act(told).finally(() => stop.abort());
    await ended;
  }

  function failTurn(entry: object): void {
    mkdirSync(join(config, "projects/-repo"), { recursive: true });
    const failure = {
      type: "assistant",
      isApiErrorMessage: true,
      timestamp: "2026-11-20T14:00:00.000Z",
      ...entry,
    };
    const lines = [{ type: "user" }, failure, { type: "system" }].map((line) => JSON.stringify(line));
    writeFileSync(join(config, `projects/-repo/${session}.jsonl`), `${lines.join("\n")}\n`);
  }

  test("busy, idle and a permission prompt are told as they come, with the session", async () => {
    await observing(async (told) => {
      await told({ activity: "unknown" });
      writeSessionFile({ status: "busy" });
      await told({ activity: "busy", sessionId: session });
      writeSessionFile({ status: "waiting", waitingFor: "permission prompt" });
      await told({ activity: "dialog", dialog: "permission", sessionId: session });
      writeSessionFile({ sessionId: other });
      await told({ activity: "idle", sessionId: other });
      rmSync(join(config, "sessions"), { recursive: true });
      await told({ activity: "unknown" });
    });
  });

  test("which menu is open, only the screen tells", async () => {
    writeSessionFile({ status: "waiting", waitingFor: "dialog open" });
    await observing((told) => told({ activity: "dialog", sessionId: session }));
  });

  test("a process that the program runs speaks for it, a stranger does not", async () => {
    writeSessionFile({}, process.ppid);
    await observing((told) => told({ activity: "unknown" }));
  });

  test("a usage limit, which looks idle, is told with its reset", async () => {
    writeSessionFile();
    failTurn({ error: "rate_limit", quotaLimits: { resetsAt: 1_795_192_195 } });
    await observing(async (told) => {
      await told({ activity: "limited", limitedUntil: 1_795_192_195_000, sessionId: session });
      appendFileSync(join(config, `projects/-repo/${session}.jsonl`), '{"type":"user"}\n{"type":"assi');
      await told({ activity: "idle", sessionId: session });
    });
  });

  test("a rate limit that names no reset lasts five minutes", async () => {
    writeSessionFile();
    failTurn({ error: "rate_limit" });
    const limitedUntil = Date.parse("2026-11-20T14:05:00.000Z");
    await observing((told) => told({ activity: "limited", limitedUntil, sessionId: session }));
  });

  test("a program that is not signed in asks for a login, whatever else failed is idle", async () => {
    writeSessionFile();
    failTurn({ error: "authentication_failed" });
    await observing(async (told) => {
      await told({ activity: "dialog", dialog: "login", sessionId: session });
      failTurn({ error: "server_error" });
      await told({ activity: "idle", sessionId: session });
    });
  });
});

describe("Claude Code's own record of prompts", () => {
  const running = { runtimeId: "rt-1", agentId: "a", sessionId: session, pid: process.pid, cwd: "/" };
  const find = (text: string, since: number) => program().findPrompt?.({ ...running, folder }, text, since);

  test("a prompt is found by its whole text, and not an older one of the same text", async () => {
    mkdirSync(config);
    const lines = [
      { display: "wake 1", timestamp: 1_000 },
      { display: "wake 1", timestamp: 2_000 },
      { display: "wake 12", timestamp: 3_000 },
    ];
    writeFileSync(join(config, "history.jsonl"), lines.map((line) => JSON.stringify(line)).join("\n"));
    expect(await find("wake 1", 1_500)).toBe(2_000);
    expect(await find("wake 1", 2_001)).toBeNull();
    expect(await find("wake", 0)).toBeNull();
  });

  test("before the first prompt nothing is found", async () => {
    expect(await find("wake 1", 0)).toBeNull();
  });
});
