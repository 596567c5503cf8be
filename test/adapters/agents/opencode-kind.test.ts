import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LaunchIdentity } from "../../../adapters/agents/kind.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { until } from "../../network/until.ts";

const session = "ses_e05f57d72ffe8FAaYKKLr7IwBu";

let root: string;
let children: ChildProcess[];

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "opencode-")));
  children = [];
});
afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  await rm(root, { recursive: true, force: true });
});

const programWith = (definition: object = {}) =>
  readAgentProgram(agentKinds, "opencode", { cwd: "/repo", ...definition });

const identity = (): LaunchIdentity => ({
  ...{
    workspaceId: "w",
    agentId: "reviewer-1",
    runtimeId: "rt-1",
    mcpUrl: "http://127.0.0.1:1/mcp",
    stdioServer: { command: "rouse", args: ["mcp"], env: {} },
  },
  ...{ credential: { token: "secret-token" }, folder: root },
  baseEnv: { PATH: "/bin", HOME: "/home/me", XDG_DATA_HOME: "/data", DATABASE_URL: "postgres://secret" },
});

const launch = (plan: Partial<LaunchPlan> = {}, definition: object = {}) =>
  programWith(definition).launch({ purpose: "start", sessionId: null, prompt: null, ...plan }, identity());

const settingsIn = (env: Readonly<Record<string, string>>): unknown =>
  JSON.parse(env["OPENCODE_CONFIG_CONTENT"] ?? "");

describe("launching opencode", () => {
  test("tells all settings by the environment, no token among them, on top of the person's own", () => {
    const { argv, cwd, env, typedPrompt } = launch({}, { model: "a/b", agent: "plan" });
    const server = ["--hostname", "127.0.0.1", "--port", "0"];
    expect(argv).toEqual(["opencode", ...server, "--model=a/b", "--agent=plan"]);
    expect([cwd, typedPrompt]).toEqual(["/repo", null]);
    expect(env).toMatchObject({ ROUSE_TOKEN: "secret-token", OPENCODE_DB: join(root, "opencode.db") });
    expect(env).toMatchObject({ HOME: "/home/me", XDG_DATA_HOME: "/data", OPENCODE_DISABLE_AUTOUPDATE: "1" });
    expect(env).not.toHaveProperty("DATABASE_URL");
    expect(settingsIn(env)).toEqual({
      autoupdate: false,
      mcp: {
        rouse: {
          ...{ type: "remote", url: "http://127.0.0.1:1/mcp", enabled: true, oauth: false },
          headers: { Authorization: "Bearer {env:ROUSE_TOKEN}" },
        },
      },
      permission: { "rouse_*": "allow" },
    });
  });

  test("its server asks for a password, another one at each start", () => {
    const passwords = [launch(), launch()].map(({ env }) => env["OPENCODE_SERVER_PASSWORD"] ?? "");
    expect(passwords.map(({ length }) => length)).toEqual([43, 43]);
    expect(passwords[0]).not.toBe(passwords[1]);
    const { env } = launch({}, { env: { OPENCODE_SERVER_PASSWORD: "" } });
    expect(env["OPENCODE_SERVER_PASSWORD"]).toHaveLength(43);
  });

  test.each([
    ["one word", "ask", { "*": "ask", "rouse_*": "allow" }],
    ["rules", { bash: "deny", "rouse_*": "deny" }, { bash: "deny", "rouse_*": "allow" }],
  ])("permissions as %s stay as they are beside ours", (_, permission, expected) => {
    const config = { permission, mcp: { other: { enabled: false } } };
    expect(settingsIn(launch({}, { config }).env)).toMatchObject({
      permission: expected,
      mcp: { other: { enabled: false }, rouse: { type: "remote" } },
    });
  });

  test.each(["--port=1", "--session", "-s", "--hostname", "--continue"])("%s is ours to say", (option) => {
    expect(() => programWith({ command: ["opencode", option] })).toThrow(/command.* set by Rouse/);
  });

  test("a prompt that looks like an option, and a folder with a hostile name, stay what they are", () => {
    const cwd = '/re"po]\n$(touch x);#()雪';
    const found = launch({ purpose: "spawn", prompt: "--auto\nnow\0" }, { cwd });
    expect([found.argv.at(-1), found.cwd]).toEqual(["--prompt=--auto\nnow", cwd]);
  });

  test("a resume names the session, and leaves the prompt to be handed in: opencode would leave it out", () => {
    const plan = { purpose: "resume", sessionId: session, prompt: "look" } as const;
    const { argv, env } = launch(plan);
    expect(argv.slice(-2)).toEqual(["--session", session]);
    expect(env).toMatchObject({ ROUSE_SESSION: session, ROUSE_FIRST_PROMPT: "look" });
    expect(programWith().sessionOf(plan, "rt-1")).toBe(session);
    expect(programWith().sessionOf({ ...plan, purpose: "start", sessionId: null }, "rt-1")).toBeNull();
  });

  test.each([null, "--last", "ses_../../x", "11111111-2222-4333-8444-555555555555"])(
    "%s is no session",
    (sessionId) => {
      expect(() => launch({ purpose: "resume", sessionId })).toThrow(/no session of opencode/);
    },
  );
});

describe("the program", () => {
  function fakeOpencode(version: string): string {
    const path = join(root, "opencode");
    writeFileSync(path, `#!/bin/sh\necho ${version}\n`, { mode: 0o755 });
    return path;
  }
  const prepare = (definition: object) => programWith(definition).prepare?.(identity(), root);

  test.each([
    ["is not installed", () => ({ command: ["/nowhere/opencode"] }), /cannot be run as "\/nowhere/],
    ["is of an unknown version", () => ({ command: [fakeOpencode("1.19.0")] }), /1\.19\.0 is installed/],
  ])("that %s is told, with what to do", async (_, definition, message) => {
    await expect(prepare(definition())).rejects.toMatchObject({
      code: "launch_failed",
      message: expect.stringMatching(message) as string,
      nextStep: expect.stringContaining("npm install --global opencode-ai@1.18.33") as string,
    });
  });

  test("of a known version will do, or of one that its user answers for", async () => {
    await prepare({ command: [fakeOpencode("1.18.33")] });
    await prepare({ command: [fakeOpencode("2.0.0")], readScreensAs: "1.18.33" });
    const unknown = programWith({ command: [fakeOpencode("2.0.0")] });
    expect(await unknown.version?.(new AbortController().signal)).toEqual({ text: "2.0.0", known: false });
  });

  test.each([
    ["its own file", {}, "opencode.db"],
    ["the user's", { sessions: "user", env: { XDG_DATA_HOME: "ROOT" } }, "opencode/opencode.db"],
    ["a file that is named", { sessions: "user", env: { OPENCODE_DB: "ROOT/x.db" } }, "x.db"],
  ])("holds its sessions while a living process has %s open", async (_, definition, file) => {
    const here = JSON.stringify(definition).replace("ROOT", root);
    const program = programWith(JSON.parse(here) as object);
    const isHeld = async () => (await program.isSessionHeld?.(session, root)) ?? null;
    const path = join(root, file);
    mkdirSync(join(root, "opencode"), { recursive: true });
    writeFileSync(path, "");
    expect(await isHeld()).toBe(false);
    const child = spawn("sh", ["-c", 'exec sleep 1000 3<"$0"', path], { stdio: "ignore" });
    children.push(child);
    await until("the file to be open", 10_000, async () => (await isHeld()) === true);
    child.kill("SIGKILL");
    await until("the file to be closed", 10_000, async () => (await isHeld()) === false);
  });
});
