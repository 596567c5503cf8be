import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LaunchIdentity } from "../../../adapters/agents/kind.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import type { CodexStart } from "../../../adapters/agents/codex/launch.ts";
import { toToml } from "../../../adapters/agents/codex/toml.ts";
import type { LaunchPlan } from "../../../machines/runtime/contract.ts";

const session = "01a1f95b-dbb8-7803-a45d-262b7fc6e133";

let root: string;
let folder: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "codex-")));
  folder = join(root, "agent");
  mkdirSync(folder);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const programWith = (definition: object = {}) =>
  readAgentProgram(agentKinds, "codex", { cwd: "/repo", ...definition });

const identity = (): LaunchIdentity => ({
  ...{
    workspaceId: "w",
    agentId: "reviewer-1",
    runtimeId: "rt-1",
    mcpUrl: "http://127.0.0.1:1/mcp",
    stdioServer: { command: "rouse", args: ["mcp"], env: {} },
  },
  ...{ credential: { token: "secret-token" }, folder, baseEnv: { PATH: "/bin", HOME: "/home/me" } },
});

const launch = (plan: Partial<LaunchPlan> = {}, definition: object = {}) =>
  programWith(definition).launch({ purpose: "start", sessionId: null, prompt: null, ...plan }, identity());

/** What the program that starts both is told. */
const started = (plan: Partial<LaunchPlan> = {}, definition: object = {}) =>
  JSON.parse(launch(plan, definition).argv[3] ?? "") as CodexStart;

const settingsOf = (argv: readonly string[]) => argv.filter((_, index) => argv[index - 1] === "-c");

/** A program that answers like Codex as far as `prepare` asks. */
function fakeCodex(version: string, signedIn = true): string {
  const path = join(root, "codex");
  const script = `#!/bin/sh
case "$1" in
  --version) echo "codex-cli ${version}";;
  login) [ -z "$CODEX_HOME" ] && exit 2; exit ${signedIn ? 0 : 1};;
esac
`;
  writeFileSync(path, script, { mode: 0o755 });
  return path;
}

describe("launching Codex", () => {
  test("tells both by arguments: our endpoint, the token's variable, the trusted folder, no update", () => {
    const { argv, cwd, env, typedPrompt } = launch();
    const { server, program, socketPath, resumed } = started();
    const address = `unix://${join(folder, "rt-1.sock")}`;
    expect(socketPath).toBe(join(folder, "rt-1.sock"));
    expect(server.slice(0, 4)).toEqual(["codex", "app-server", "--listen", address]);
    expect(program.slice(0, 3)).toEqual(["codex", "--remote", address]);
    expect(settingsOf(server)).toEqual([
      "check_for_update_on_startup=false",
      'projects={ "/repo" = { "trust_level" = "trusted" } }',
      'mcp_servers.rouse={ "url" = "http://127.0.0.1:1/mcp", "bearer_token_env_var" = "ROUSE_TOKEN", "default_tools_approval_mode" = "approve", "startup_timeout_sec" = 10, "tool_timeout_sec" = 120 }',
    ]);
    expect(settingsOf(program)).toEqual(settingsOf(server));
    expect([cwd, typedPrompt, resumed, argv.join(" ").includes("secret-token")]).toEqual([
      ...["/repo", null, null, false],
    ]);
    expect(env).toMatchObject({ ROUSE_TOKEN: "secret-token", CODEX_HOME: join(folder, "home") });
  });

  test("its own settings, model and modes are handed on", () => {
    const { program, server } = started(
      {},
      {
        ...{ model: "gpt-5", sandbox: "read-only", approvals: "never" },
        config: { "tui.theme": "dark", model_provider: "mine", "model_providers.mine": { retries: 0 } },
      },
    );
    expect(program.slice(3, 9)).toEqual([
      ...["--model", "gpt-5", "--sandbox", "read-only"],
      ...["--ask-for-approval", "never"],
    ]);
    for (const argv of [program, server]) {
      expect(settingsOf(argv)).toEqual(
        expect.arrayContaining(['tui.theme="dark"', 'model_providers.mine={ "retries" = 0 }']),
      );
    }
  });

  test.each([
    ["our endpoint", { "mcp_servers.rouse.url": "http://evil" }],
    ["trust", { projects: {} }],
    ["a name that is none", { "a b": 1 }],
  ])("settings may not replace %s", (_, config) => {
    expect(() => programWith({ config })).toThrow(/config/);
  });

  test("a prompt that looks like an option, and a folder with a hostile name, stay what they are", () => {
    const cwd = '/re"po]\n$(touch x).d = 1 雪\u007F';
    const { program, server } = started({ purpose: "spawn", prompt: "--yolo\nnow" }, { cwd });
    expect(program.slice(-2)).toEqual(["--", "--yolo\nnow"]);
    expect(settingsOf(server)[1]).toBe(
      'projects={ "/re\\"po]\\n$(touch x).d = 1 雪\\u007F" = { "trust_level" = "trusted" } }',
    );
  });

  test("a resume names the session, and its modes to the server, for its terminal may not", () => {
    const plan = { purpose: "resume", sessionId: session, prompt: "look" } as const;
    const { env } = launch(plan);
    const config = { approval_policy: "never", sandbox_mode: "read-only" };
    const { program, resumed } = started(plan, { model: "gpt-5", approvals: "on-request", config });
    expect(program.slice(1, 4)).toEqual(["resume", session, "--remote"]);
    expect(program.slice(-2)).toEqual(["--", "look"]);
    expect(program.join(" ")).not.toMatch(/approval_policy|ask-for-approval|sandbox/);
    expect(resumed).toEqual({
      ...{ threadId: session, cwd: "/repo", model: "gpt-5", approvalPolicy: "on-request" },
    });
    expect(env["ROUSE_SESSION"]).toBe(session);
    expect(programWith().sessionOf(plan, "rt-1")).toBe(session);
    expect(programWith().sessionOf({ ...plan, purpose: "start", sessionId: null }, "rt-1")).toBeNull();
  });

  test.each([null, "--last", "../../etc/passwd", "my session"])("%s is no session", (sessionId) => {
    expect(() => launch({ purpose: "resume", sessionId })).toThrow(/no session of Codex/);
  });

  test("a setting is one line of TOML, whatever its text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        const written = toToml(text);
        expect(written.split("").every((char) => char >= " " && char !== "\u007F")).toBe(true);
        expect(JSON.parse(written)).toBe(text);
      }),
    );
    expect(toToml({ a: [1, true, "x"], b: undefined })).toBe('{ "a" = [1, true, "x"] }');
  });
});

describe("preparing Codex", () => {
  const prepare = (definition: object) => programWith(definition).prepare?.(identity(), folder);
  const usersHome = () => join(root, "user");

  test("signs its own home in as the user is, twice is once, and changes nothing of the user's", async () => {
    mkdirSync(usersHome());
    writeFileSync(join(usersHome(), "auth.json"), "{}");
    const definition = { command: [fakeCodex("0.169.0")], env: { CODEX_HOME: usersHome() } };
    await prepare(definition);
    const link = join(folder, "home/auth.json");
    expect(readlinkSync(link)).toBe(join(usersHome(), "auth.json"));
    expect(statSync(join(folder, "home")).mode & 0o777).toBe(0o700);
    await prepare(definition);
    expect(readFileSync(link, "utf8")).toBe("{}");
  });

  test("a sign-in of its own is kept", async () => {
    mkdirSync(usersHome());
    writeFileSync(join(usersHome(), "auth.json"), "{}");
    mkdirSync(join(folder, "home"));
    writeFileSync(join(folder, "home/auth.json"), "own");
    await prepare({ command: [fakeCodex("0.169.0")], env: { CODEX_HOME: usersHome() } });
    expect(lstatSync(join(folder, "home/auth.json")).isSymbolicLink()).toBe(false);
  });

  test("the user's home is used as it is", async () => {
    await prepare({ command: [fakeCodex("0.169.0")], home: "user", env: { CODEX_HOME: usersHome() } });
    expect([existsSync(usersHome()), existsSync(join(folder, "home"))]).toEqual([false, false]);
    const { env } = launch({}, { home: "user", env: { CODEX_HOME: usersHome() } });
    expect(env["CODEX_HOME"]).toBe(usersHome());
  });

  test.each([
    ["is not installed", () => ({ command: ["/nowhere/codex"] }), /cannot be run as "\/nowhere\/codex"/],
    ["is of an unknown version", () => ({ command: [fakeCodex("0.200.0")] }), /0\.200\.0 is installed/],
    ["nobody signed in", () => ({ command: [fakeCodex("0.169.0", false)] }), /not signed in/],
  ])("a Codex that %s is told, with what to do", async (_, definition, message) => {
    await expect(prepare(definition())).rejects.toMatchObject({
      code: "launch_failed",
      message: expect.stringMatching(message) as string,
      nextStep: expect.any(String) as string,
    });
  });

  test.each([
    ["an unknown version that its user answers for", "0.200.0", { readScreensAs: "0.169.0" }, true],
    ["models of another provider", "0.169.0", { config: { model_provider: "mine" } }, false],
  ])("%s will do", async (_, version, definition, signedIn) => {
    await prepare({ command: [fakeCodex(version, signedIn)], ...definition });
  });

  test("tells whether its version is one whose screens were recorded", async () => {
    const version = (text: string, definition: object = {}) =>
      programWith({ command: [fakeCodex(text)], ...definition }).version?.(new AbortController().signal);
    expect(await version("0.169.0")).toEqual({ text: "0.169.0", known: true });
    expect(await version("0.170.0-alpha.1")).toEqual({ text: "0.170.0-alpha.1", known: false });
    expect(await version("1.0.0", { readScreensAs: "0.169.0" })).toEqual({ text: "1.0.0", known: true });
  });
});
