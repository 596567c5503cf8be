import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { genericDefinitionForScriptedAgent } from "../../../adapters/agents/scripted/definition.ts";
import { createPtyTerminal } from "../../../adapters/terminals/pty/terminal.ts";
import { createTmuxTerminal } from "../../../adapters/terminals/tmux/terminal.ts";
import type { Observation } from "../../../machines/runtime/contract.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { errorBody } from "../../../runtime/errors.ts";
import type { Terminal, TerminalAddress } from "../../../runtime/terminal.ts";
import { ThreadServer } from "../agents/thread-server.ts";
import { Stage } from "./stage.ts";

const backends = {
  tmux: createTmuxTerminal,
  pty: createPtyTerminal,
} as const;
type Backend = keyof typeof backends;

const place = { runtimeId: "rt", agentId: "agent", host: "here" };
const wake = {
  ...{ wakeId: "th-1.agent.1", threadId: "th-1", attempt: 1, unread: 1, quietWindowMs: 20_000, force: false },
  ...place,
};

describe.each(Object.keys(backends) as Backend[])("a scripted agent in a real terminal: %s", (backend) => {
  let folder: string;
  let terminal: Terminal;
  let server: ThreadServer;
  let stage: Stage<typeof systemClock>;
  let abort: AbortController;
  let observed: Observation[];
  let launched: TerminalAddress[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "rouse-ports-"));
    terminal = backends[backend]({ folder, clock: systemClock });
    server = new ThreadServer();
    await server.start();
    abort = new AbortController();
    observed = [];
    launched = [];
    const options = { terminals: { [backend]: terminal }, launchBackend: backend, mcpUrl: server.url };
    stage = new Stage(systemClock, { ...options, baseEnv: process.env, quietWindowMs: 2_000 });
  });

  afterEach(async () => {
    abort.abort(new Error("the test is over"));
    for (const address of launched) await terminal.kill(address);
    await terminal.close();
    if (backend === "tmux")
      spawnSync("tmux", ["-S", join(folder, "tmux.sock"), "kill-server"], { stdio: "ignore" });
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  async function launch(plan: object = {}, crashAt?: "read" | "posted"): Promise<TerminalAddress> {
    const definition = genericDefinitionForScriptedAgent({
      ...{ role: "reviewer", cwd: folder, stateFile: join(folder, "sessions.json"), thinkMs: 50 },
      ...(crashAt === undefined ? {} : { crashAt }),
    });
    stage.addAgent("agent", { definition });
    const input = { ...place, backend, purpose: "start", sessionId: null, prompt: null, ...plan };
    const { address } = (await stage.perform("launchTerminal", input)) as { address: TerminalAddress };
    launched.push(address);
    stage.addRuntime(place.runtimeId, { address, agentId: "agent" });
    return address;
  }

  function watch(address: TerminalAddress): Promise<unknown> {
    const watching = stage.perform(
      "watchTerminal",
      { ...place, address, sessionId: null },
      {
        signal: abort.signal,
        report: async ({ observation }) => void observed.push(observation as Observation),
      },
    );
    watching.catch(() => {});
    return watching;
  }

  const seen = (activity: string) =>
    vi.waitUntil(() => observed.at(-1)?.activity === activity, { timeout: 30_000, interval: 5 });
  const until = (condition: () => boolean) => vi.waitUntil(condition, { timeout: 30_000, interval: 5 });

  test("a wake reaches it: it reads, posts and acknowledges", async ({ skip }) => {
    if (!(await works(terminal))) skip(`NOT TESTED: ${backend} does not work on this machine`);
    server.say("ex", "Please review #1");
    const watching = watch(await launch());
    await seen("idle");
    expect(await stage.perform("deliverWake", wake)).toMatchObject({ verdict: "delivered" });
    await until(() => server.ackedSeq === 1);
    expect(server.messages.slice(1)).toMatchObject([{ author: "agent", kind: "finding", in_reply_to: 1 }]);
    expect(server.tokens).toEqual(new Set(["Bearer token-of-agent-rt"]));
    await seen("idle");
    expect(observed.map(({ activity }) => activity)).toContain("busy");

    await stage.perform("stopTerminal", { ...place, address: launched[0] });
    const end = await watching.then(
      () => "exited",
      (error: unknown) => errorBody(error).code,
    );
    expect(["exited", "terminal_missing"]).toContain(end);
    expect(await terminal.find("rt")).toBeNull();
  });

  test("killed after it posted, its session resumes and posts nothing twice", async ({ skip }) => {
    if (!(await works(terminal))) skip(`NOT TESTED: ${backend} does not work on this machine`);
    server.say("ex", "Please review #1");
    const dying = watch(
      await launch({ prompt: "[rouse th-1.agent.1] 1 unread in thread th-1: go" }, "posted"),
    );
    expect(await dying).toMatchObject({});
    expect(server.ackedSeq).toBe(0);
    const [sessionId] = server.heartbeats;
    await launch({
      purpose: "resume",
      sessionId,
      prompt: "[rouse th-1.agent.1] 1 unread in thread th-1: go",
    });
    await until(() => server.ackedSeq === 2);
    expect(server.messages).toHaveLength(2);
    expect(new Set(server.heartbeats)).toEqual(new Set([sessionId]));
  });

  test("a dialog, a limit and a crash show as what they are", async ({ skip }) => {
    if (!(await works(terminal))) skip(`NOT TESTED: ${backend} does not work on this machine`);
    const address = await launch();
    const watching = watch(address);
    await seen("idle");
    await order(address, "/dialog trust");
    await seen("dialog");
    expect(observed.at(-1)).toEqual({ activity: "dialog", dialog: "trust" });
    expect(await stage.perform("deliverWake", wake)).toMatchObject({
      verdict: "deferred",
      reason: "dialogOpen",
    });
    await terminal.pressEnter(address);
    await seen("idle");
    await order(address, "/limited");
    await seen("limited");
    await order(address, "/exit 3");
    // tmux 3.3a now and then misses SIGCHLD and leaves the program unreaped: then the code stays unknown.
    const { exitCode } = (await watching) as { exitCode: number | null };
    expect(backend === "tmux" ? (exitCode ?? 3) : exitCode).toBe(3);
  });

  async function order(address: TerminalAddress, text: string): Promise<void> {
    await terminal.paste(address, text);
    const isShown = async () => (await terminal.view(address)).lines.some((line) => line.includes(text));
    await vi.waitUntil(isShown, { timeout: 30_000, interval: 5 });
    // The box drops an Enter that comes right after a paste, by its own clock.
    await new Promise<void>((resolve) => systemClock.after(80, resolve));
    await terminal.pressEnter(address);
  }
});

async function works(terminal: Terminal): Promise<boolean> {
  return terminal.probe().then(
    () => true,
    () => false,
  );
}
