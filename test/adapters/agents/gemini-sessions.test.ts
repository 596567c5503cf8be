import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LaunchIdentity, SourceReport } from "../../../adapters/agents/kind.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import { until } from "../../network/until.ts";

const session = "0b6b1c0e-6a2f-4c55-9d0a-9a3c1c5d7e11";
const other = "1c7c2d1f-7b30-4d66-8e1b-0b4d2d6e8f22";

let root: string;
let folder: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "gemini-"));
  // The hooks' shell must take this for nothing but a name.
  folder = join(root, `a"b'$(touch ruined)$HOME; #`);
  mkdirSync(folder);
  const fake = join(root, "gemini");
  writeFileSync(fake, "#!/bin/sh\necho 0.61.0\n", { mode: 0o755 });
  writeFileSync(join(root, ".bashrc"), "echo what a person's shell says at its start\n");
  await program(fake).prepare?.(identity(), folder);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const identity = (): LaunchIdentity => ({
  ...{
    workspaceId: "w",
    agentId: "a",
    runtimeId: "rt-1",
    mcpUrl: "http://127.0.0.1:1/mcp",
    stdioServer: { command: "rouse", args: ["mcp"], env: {} },
  },
  ...{ credential: { token: "t" }, folder, baseEnv: {} },
});

const program = (command = "gemini") =>
  readAgentProgram(agentKinds, "gemini", {
    ...{ command: [command], cwd: "/" },
    env: { HOME: root, GEMINI_API_KEY: "key" },
  });

/** The hook of an event as the settings have it, run as the program runs it: here this process plays the program. */
function fire(event: "SessionStart" | "BeforeAgent" | "AfterAgent", sessionId = session): void {
  const settings = JSON.parse(readFileSync(join(folder, ".gemini/settings.json"), "utf8")) as {
    hooks: Record<string, { hooks: { command: string }[] }[]>;
  };
  const command = settings.hooks[event]?.[0]?.hooks[0]?.command ?? "";
  const { env: launched } = program().launch({ purpose: "start", sessionId: null, prompt: null }, identity());
  const env = { ...launched, PATH: process.env["PATH"], GEMINI_SESSION_ID: sessionId };
  const ran = spawnSync("bash", ["-c", command], { env, cwd: root, encoding: "utf8" });
  // What a hook says is shown to the person, or taken for an answer.
  expect([ran.status, ran.stdout, ran.stderr]).toEqual([0, "", ""]);
}

const noted = (pid = process.pid) => join(folder, "processes", String(pid));

describe("whether a session of Gemini CLI is held", () => {
  const isHeld = (id = session) => program().isSessionHeld?.(id, folder);

  test("a living process that has it open holds it, and no other session", async () => {
    fire("SessionStart");
    expect(await isHeld()).toBe(true);
    expect(await isHeld(other)).toBe(false);
    expect(readdirSync(root)).not.toContain("ruined");
  });

  test("a process that has begun another session holds only that", async () => {
    fire("AfterAgent");
    fire("SessionStart", other);
    expect([await isHeld(), await isHeld(other)]).toEqual([false, true]);
  });

  test("before the first start nobody holds anything", async () => {
    expect(await isHeld()).toBe(false);
  });

  test("a process that has ended, or whose id was used again, holds nothing", async () => {
    const { pid } = spawnSync("/bin/true");
    writeFileSync(noted(pid), `idle ${session} 1\n`);
    writeFileSync(noted(), `idle ${session} 1\n`);
    expect(await isHeld()).toBe(false);
  });

  test("a process that is being killed holds it no longer", async () => {
    const child = spawn("/bin/sleep", ["60"], { stdio: "ignore" });
    const started = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(" ")[21];
    writeFileSync(noted(child.pid), `idle ${session} ${started}\n`);
    const held = isHeld();
    child.kill("SIGKILL");
    expect(await held).toBe(false);
  });
});

describe("Gemini CLI's word on its state, by our hooks", () => {
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
        expect(last).toEqual({ source: "hook", sessionId: session, ...expected });
        return true;
      });
    };
    await act(told).finally(() => stop.abort());
    await ended;
  }

  function failTurn(content: string): void {
    const chats = join(folder, ".gemini/tmp/repo/chats");
    mkdirSync(chats, { recursive: true });
    const timestamp = "2026-11-20T14:00:00.000Z";
    const messages = [
      { sessionId: session },
      { type: "user", timestamp, content: [{ text: "look" }] },
      { type: "error", timestamp, content },
      { $set: { lastUpdated: timestamp } },
      { type: "info", timestamp, content: "This request failed." },
    ];
    const text = messages.map((line) => JSON.stringify(line)).join("\n");
    writeFileSync(join(chats, `session-2026-11-20T14-00-${session.slice(0, 8)}.jsonl`), `${text}\n`);
  }

  test("its session, its turns and their ends are told as they come", async () => {
    await observing(async (told) => {
      // It shows its box before it is ready.
      await told({ activity: "busy", sessionId: undefined });
      fire("SessionStart");
      await told({ activity: "unknown" });
      fire("BeforeAgent");
      await told({ activity: "busy" });
      fire("AfterAgent");
      await told({ activity: "idle" });
      fire("SessionStart", other);
      await told({ activity: "unknown", sessionId: other });
    });
  });

  test("nothing of what is said is noted", () => {
    fire("AfterAgent");
    expect(readFileSync(noted(), "utf8")).toMatch(new RegExp(`^idle ${session} \\d+\n$`));
  });

  test.each([
    "[API Error: You have exhausted your daily quota on this model.]",
    '[API Error: {"error":{"code":429,"message":"Too many"}}]',
  ])("a limit, which looks idle, lasts five minutes: %s", async (content) => {
    fire("AfterAgent");
    failTurn(content);
    const limitedUntil = Date.parse("2026-11-20T14:05:00.000Z");
    await observing((told) => told({ activity: "limited", limitedUntil }));
  });

  test("a key that is refused asks for a login, whatever else failed is idle", async () => {
    fire("AfterAgent");
    failTurn('[API Error: {"error":{"code":400,"details":[{"reason":"API_KEY_INVALID"}]}}]');
    await observing(async (told) => {
      await told({ activity: "dialog", dialog: "login" });
      failTurn('[API Error: {"error":{"code":500,"message":"scripted"}}]');
      fire("AfterAgent");
      await told({ activity: "idle" });
    });
  });
});

describe("Gemini CLI's own list of prompts", () => {
  const running = { runtimeId: "rt-1", agentId: "a", sessionId: session, pid: process.pid, cwd: "/" };
  const find = (text: string, since: number) => program().findPrompt?.({ ...running, folder }, text, since);

  test("a prompt is found by its whole text, and not an older one of the same text", async () => {
    const list = ["wake 1", "wake 1", "wake 12"].map((message, index) => {
      return { type: "user", message, timestamp: new Date((index + 1) * 1_000).toISOString() };
    });
    mkdirSync(join(folder, ".gemini/tmp/repo"), { recursive: true });
    writeFileSync(join(folder, ".gemini/tmp/repo/logs.json"), JSON.stringify(list));
    expect(await find("wake 1", 1_500)).toBe(2_000);
    expect(await find("wake 1", 2_001)).toBeNull();
    expect(await find("wake", 0)).toBeNull();
  });

  test("before the first prompt nothing is found", async () => {
    expect(await find("wake 1", 0)).toBeNull();
  });
});
