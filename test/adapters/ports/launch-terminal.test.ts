import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LaunchIdentity } from "../../../adapters/agents/kind.ts";
import { RouseError } from "../../../runtime/errors.ts";
import type { LaunchRequest, TerminalAddress } from "../../../runtime/terminal.ts";
import { wakeLine } from "../../../adapters/ports/wake-line.ts";
import { definition, eagerStage, genericWith, type Stage } from "./stage.ts";

const input = {
  runtimeId: "rt",
  agentId: "reviewer",
  host: "here",
  backend: "scripted",
  purpose: "start",
  sessionId: null,
  prompt: null,
};

let stage: Stage;
let launches: LaunchRequest[];

beforeEach(() => {
  stage = eagerStage();
  launches = [];
  const { terminal } = stage;
  const launch = terminal.launch.bind(terminal);
  terminal.launch = (request) => {
    launches.push(request);
    return launch(request);
  };
});

interface Launched {
  address: TerminalAddress;
  sessionId: string | null;
}

const launchWith = async (changes: object = {}) =>
  (await stage.perform("launchTerminal", { ...input, ...changes })) as Launched;

describe("launching a terminal", () => {
  test("starts the agent's command with its own token and nothing of our environment", async () => {
    const { address, sessionId } = await launchWith();
    expect(address).toMatchObject({ backend: "scripted", target: "rt" });
    expect(sessionId).toBeNull();
    expect(launches).toMatchObject([{ runtimeId: "rt", argv: ["agent"], cwd: "/" }]);
    expect(launches[0]?.env).toMatchObject({ PATH: "/bin", ROUSE_TOKEN: "token-of-reviewer-rt" });
    expect(launches[0]?.env).not.toHaveProperty("DATABASE_URL");
  });

  test("a second attempt finds what the first one started", async () => {
    const first = await launchWith();
    expect(await launchWith()).toEqual(first);
    expect(launches).toHaveLength(1);
  });

  test("a program that ended makes room for a new one", async () => {
    const first = await launchWith();
    stage.scripted.programEnds("rt", 1);
    const second = await launchWith();
    expect(second.address.pid).not.toBe(first.address.pid);
  });

  test("a session id given by argument is known at once", async () => {
    stage.addAgent("reviewer", { definition: { ...definition, session: { args: ["{session}"] } } });
    expect((await launchWith()).sessionId).toBe("ses-rt");
    expect(launches[0]?.argv).toEqual(["agent", "ses-rt"]);
  });

  test("a typed prompt is typed once the program is idle: its last line only", async () => {
    stage.addAgent("reviewer", { definition: { ...definition, prompt: { as: "typed" } } });
    const { address } = await launchWith({ prompt: "written by others\nthe pointer" });
    expect(await stage.answers(address)).toEqual(["> the pointer"]);
    await launchWith({ prompt: "written by others\nthe pointer" });
    expect(await stage.answers(address)).toEqual(["> the pointer"]);
  });

  test("a typed prompt is not typed while injection is paused for the agent or the runtime", async () => {
    const typed = { ...definition, prompt: { as: "typed" } };
    stage.addAgent("reviewer", { definition: typed, paused: true });
    const agentPaused = await launchWith({ prompt: "the pointer" });
    stage.addAgent("reviewer", { definition: typed });
    stage.addRuntime("rt-2", { injection: "paused" });
    const runtime = { address: "runtime/rt-2" } as const;
    const launch = { ...input, runtimeId: "rt-2", prompt: "the pointer" };
    const runtimePaused = (await stage.perform("launchTerminal", launch, runtime)) as Launched;
    for (const { address } of [agentPaused, runtimePaused]) {
      expect((await stage.terminal.view(address)).lines.join("\n")).not.toContain("the pointer");
    }
  });

  test("a typed prompt that is a wake's is not typed while its thread is paused", async () => {
    stage.addAgent("reviewer", { definition: { ...definition, prompt: { as: "typed" } } });
    stage.pausedThreads.add("th-1");
    const prompt = `The story so far\n\n${wakeLine({ wakeId: "th-1.reviewer.1", unread: 1, threadId: "th-1" })}`;
    const { address } = await launchWith({ prompt });
    expect((await stage.terminal.view(address)).lines.join("\n")).not.toContain("unread in thread");
  });

  test("a typed prompt waits for the end of a pause", async () => {
    stage.addAgent("reviewer", { definition: { ...definition, prompt: { as: "typed" } }, paused: true });
    const launching = launchWith({ prompt: "the pointer" });
    await new Promise<void>((resolve) => stage.clock.after(2_000, resolve));
    stage.addAgent("reviewer", { definition: { ...definition, prompt: { as: "typed" } } });
    expect(await stage.answers((await launching).address)).toEqual(["> the pointer"]);
  });

  test.each([
    ["an unregistered agent", { kind: null, definition: null }, {}],
    ["a folder that does not exist", { definition: { ...definition, cwd: "/no/such/folder" } }, {}],
    ["a session id that is an option", {}, { purpose: "resume", sessionId: "--yes" }],
  ])("%s is told as launch_failed", async (_, agent, plan) => {
    stage.addAgent("reviewer", agent);
    await expect(launchWith(plan)).rejects.toMatchObject({ code: "launch_failed" });
    expect(launches).toEqual([]);
  });

  test("a backend that this host lacks is told", async () => {
    await expect(launchWith({ backend: "tmux" })).rejects.toMatchObject({ code: "terminal_backend_missing" });
  });
});

describe("preparing an agent's program", () => {
  let root: string;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "rouse-agents-"));
  });

  afterEach(() => rmSync(root, { recursive: true, force: true }));

  test("happens in a private folder of the agent, before the launch", async () => {
    const folders: string[] = [];
    const prepare = async (identity: LaunchIdentity, folder: string) => {
      expect(identity).toMatchObject({ agentId: "reviewer", runtimeId: "rt", folder });
      expect(await stage.terminal.find("rt")).toBeNull();
      folders.push(folder);
    };
    stage = eagerStage({ kinds: genericWith({ prepare }), agentFolders: join(root, "agents") });
    await launchWith();
    const [folder = ""] = folders;
    expect(folder).toBe(join(root, "agents", "reviewer", "generic"));
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    await launchWith();
    expect(folders).toHaveLength(1);
  });

  test("a failure of it is the launch's, and nothing starts", async () => {
    const prepare = () => Promise.reject(new RouseError("launch_failed", "not logged in"));
    stage = eagerStage({ kinds: genericWith({ prepare }), agentFolders: join(root, "agents") });
    await expect(launchWith()).rejects.toMatchObject({ code: "launch_failed", message: "not logged in" });
    expect(await stage.terminal.find("rt")).toBeNull();
  });
});

describe("adopting and stopping a terminal", () => {
  const place = { runtimeId: "rt", agentId: "reviewer", host: "here" };

  test("an existing pane is taken with its identity", async () => {
    const address = await stage.launch("theirs");
    expect(await stage.perform("adoptTerminal", { ...place, server: "memory", target: "theirs" })).toEqual({
      address,
      sessionId: null,
    });
  });

  test("a pane that is not there is terminal_missing", async () => {
    const adoption = stage.perform("adoptTerminal", { ...place, server: "memory", target: "none" });
    await expect(adoption).rejects.toMatchObject({ code: "terminal_missing" });
  });

  test("stopping removes the terminal, twice is once", async () => {
    const address = await stage.launch("rt");
    await stage.perform("stopTerminal", { ...place, address });
    await stage.perform("stopTerminal", { ...place, address });
    expect(await stage.terminal.find("rt")).toBeNull();
  });
});
