/** With the real program where it is installed. No model answers: what is asserted happens before one is asked. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { SourceReport } from "../../../adapters/agents/kind.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import { wakeLine } from "../../../adapters/ports/wake-line.ts";
import { createScreenReader } from "../../../adapters/terminals/patterns.ts";
import { createTmuxTerminal } from "../../../adapters/terminals/tmux/terminal.ts";
import { typeSafely } from "../../../adapters/terminals/typing.ts";
import { systemClock } from "../../../runtime/clock.ts";
import type { Terminal } from "../../../runtime/terminal.ts";
import { until } from "../../network/until.ts";
import { hasTmux } from "../terminals/stage.ts";

const cache = process.env["ROUSE_AGENT_CACHE"] ?? join(homedir(), ".cache/rouse-agents");
const claude = join(cache, "@anthropic-ai/claude-code@2.1.328/node_modules/.bin/claude");
const canPlay = hasTmux && existsSync(claude);
if (!canPlay) console.warn(`SKIPPED: the real Claude Code needs tmux and ${claude}`);

const startsWithinMs = 60_000;

describe.skipIf(!canPlay)("the real Claude Code", { timeout: 3 * startsWithinMs }, () => {
  let folder: string;
  let terminal: Terminal;

  beforeEach(async () => {
    folder = await realpath(await mkdtemp(join(tmpdir(), "claude-")));
    mkdirSync(join(folder, "repo"));
    terminal = createTmuxTerminal({ folder: join(folder, "terminals"), clock: systemClock });
  });
  afterEach(async () => {
    for (const { address } of await terminal.listLaunched()) await terminal.kill(address);
    await terminal.close();
    spawnSync("tmux", ["-S", join(folder, "terminals/tmux.sock"), "kill-server"]);
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  });

  async function start(changes: object = {}) {
    const cwd = join(folder, "repo");
    const env = { HOME: folder, ANTHROPIC_BASE_URL: "http://127.0.0.1:9", ANTHROPIC_AUTH_TOKEN: "none" };
    const quiet = { CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1", CLAUDE_CODE_MAX_RETRIES: "0" };
    const definition = { command: [claude], cwd, env: { ...env, ...quiet }, ...changes };
    const program = readAgentProgram(agentKinds, "claude-code", definition);
    const identity = {
      ...{
        workspaceId: "w",
        agentId: "reviewer",
        runtimeId: "rt-1",
        mcpUrl: "http://127.0.0.1:9/mcp",
        stdioServer: { command: "rouse", args: ["mcp"], env: {} },
      },
      ...{ credential: { token: "t" }, folder, baseEnv: { PATH: process.env["PATH"] } },
    };
    const plan = { purpose: "start", sessionId: null, prompt: null } as const;
    await program.prepare?.(identity, folder);
    const address = await terminal.launch({ runtimeId: "rt-1", ...program.launch(plan, identity) });
    const sessionId = program.sessionOf(plan, "rt-1") ?? "";
    const running = { runtimeId: "rt-1", agentId: "reviewer", sessionId, pid: address.pid, cwd, folder };
    const read = createScreenReader(program.patterns);
    const look = async () => read(await terminal.view(address));
    return { program, address, running, sessionId, read, look };
  }

  function observed({ program, running }: Awaited<ReturnType<typeof start>>): () => SourceReport | null {
    const stop = new AbortController();
    let last: SourceReport | null = null;
    const ended = program.observe?.(running, (report) => (last = report), stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await ended;
    });
    return () => last;
  }

  test("a first start shows no dialog, holds the session of our choice, and takes a wake that its own record proves", async () => {
    const agent = await start();
    const { program, address, sessionId, read, look, running } = agent;
    const told = observed(agent);
    expect(await program.version?.(AbortSignal.timeout(startsWithinMs))).toMatchObject({ known: true });
    await until("its own word that it is idle", startsWithinMs, () => told()?.activity === "idle");
    expect(told()).toEqual({ source: "stateFile", activity: "idle", sessionId });
    await until("its input box", startsWithinMs, async () => (await look()).draft === "");
    expect(await program.isSessionHeld?.(sessionId, folder)).toBe(true);

    const text = wakeLine({ wakeId: "wk-1", unread: 1, threadId: "th-1" });
    const since = Date.now();
    const output = await typeSafely({
      ...{ terminal, address, text, read, quietWindowMs: 0, force: false, clock: systemClock },
      ...{ pace: { enterDelayMs: program.enterDelayMs }, beforeFirstByte: () => Promise.resolve() },
    });
    expect(output).toMatchObject({ verdict: "delivered" });
    await until("its record", startsWithinMs, () => program.findPrompt?.(running, text, since) ?? null);

    process.kill(address.pid, "SIGKILL");
    await until("its end", startsWithinMs, async () => !(await terminal.view(address)).alive);
    expect(await program.isSessionHeld?.(sessionId, folder)).toBe(false);
  });

  test("in a folder of a person's own nothing is typed into the trust dialog, even by force", async () => {
    const configFolder = join(folder, "own");
    mkdirSync(configFolder);
    const answered = { hasCompletedOnboarding: true, theme: "dark" };
    writeFileSync(join(configFolder, ".claude.json"), JSON.stringify(answered));
    const { address, read, look, program } = await start({ configFolder });
    await until("the trust dialog", startsWithinMs, async () => (await look()).dialog === "trust");
    const output = await typeSafely({
      ...{ terminal, address, text: "wake", read, quietWindowMs: 0, force: true, clock: systemClock },
      ...{ pace: { enterDelayMs: program.enterDelayMs }, beforeFirstByte: () => Promise.resolve() },
    });
    expect(output).toEqual({ verdict: "deferred", reason: "dialogOpen", retryAfterMs: null });
    expect(await look()).toMatchObject({ activity: "dialog", dialog: "trust" });
  });
});
