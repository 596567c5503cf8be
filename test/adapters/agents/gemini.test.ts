import {
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LaunchIdentity } from "../../../adapters/agents/kind.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import type { LaunchPlan } from "../../../machines/runtime/contract.ts";

const session = "0b6b1c0e-6a2f-4c55-9d0a-9a3c1c5d7e11";

let root: string;
let folder: string;

beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "gemini-")));
  folder = join(root, "agent");
  mkdirSync(folder);
});
afterEach(() => rm(root, { recursive: true, force: true }));

const home = () => join(root, "person");

const programWith = (definition: object = {}) =>
  readAgentProgram(agentKinds, "gemini", { cwd: "/repo", ...definition });

const identity = (baseEnv: LaunchIdentity["baseEnv"] = { PATH: "/bin" }): LaunchIdentity => ({
  ...{
    workspaceId: "w",
    agentId: "reviewer-1",
    runtimeId: "rt-1",
    mcpUrl: "http://127.0.0.1:1/mcp",
    stdioServer: { command: "rouse", args: ["mcp"], env: {} },
  },
  ...{ credential: { token: "secret-token" }, folder, baseEnv },
});

const plan = (fields: Partial<LaunchPlan> = {}): LaunchPlan => ({
  ...{ purpose: "start", sessionId: null, prompt: null },
  ...fields,
});

const launch = (fields: Partial<LaunchPlan> = {}, definition: object = {}) =>
  programWith(definition).launch(plan(fields), identity());

/** As the program begins it, and goes on with each message. */
function record(sessionId: string, ...messages: object[]): string {
  const chats = join(folder, ".gemini/tmp/repo/chats");
  mkdirSync(chats, { recursive: true });
  const path = join(chats, `session-2026-11-20T17-23-${sessionId.slice(0, 8)}.jsonl`);
  const lines = [{ sessionId, kind: "main" }, { $set: { messages: [{ type: "user" }] } }, ...messages];
  writeFileSync(path, lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
  return path;
}

describe("launching Gemini CLI", () => {
  test("a new session has an id of our choice, in a home of the agent's own, in a folder that counts as trusted", () => {
    const id = programWith().sessionOf(plan(), "rt-1");
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    const { argv, cwd, env } = launch();
    expect(argv).toEqual(["gemini", "--skip-trust", "--session-id", id]);
    expect([cwd, env["GEMINI_CLI_HOME"]]).toEqual(["/repo", folder]);
    // Nothing around it that would outlive its terminal.
    expect(env["GEMINI_CLI_NO_RELAUNCH"]).toBe("true");
  });

  test("a launch repeated after its session's first turn goes on with it; before that it begins it anew", () => {
    const id = programWith().sessionOf(plan(), "rt-1") ?? "";
    const path = record(id);
    expect(launch().argv.slice(2)).toEqual(["--session-id", id]);
    expect(existsSync(path)).toBe(false);
    record(id, { type: "user", content: [{ text: "hello" }] });
    expect(launch().argv.slice(2)).toEqual(["--resume", id]);
  });

  test("a resume names the session that is on record, and only that", () => {
    record(session, { type: "user" });
    expect(launch({ purpose: "resume", sessionId: session }).argv.slice(2)).toEqual(["--resume", session]);
    const twin = `${session.slice(0, 8)}-another`;
    for (const sessionId of [twin, "latest", "--yolo", "../../etc", null])
      expect(() => launch({ purpose: "resume", sessionId })).toThrow("no session of Gemini CLI here");
  });

  test("a prompt is one argument, whatever it contains, and names no file to be put into it", () => {
    const { argv, typedPrompt } = launch({ prompt: "--yolo $(x) ;\nsee @/etc/passwd\0" });
    expect(argv.at(-1)).toBe("--prompt-interactive=--yolo $(x) ;\nsee \\@/etc/passwd");
    expect(typedPrompt).toBeNull();
  });

  test("the token reaches the program by its environment and stands in no argument", () => {
    const { argv, env } = launch(
      { prompt: "look" },
      { model: "gemini-2.5-flash", approvalMode: "auto_edit" },
    );
    expect(env).toMatchObject({ ROUSE_TOKEN: "secret-token", ROUSE_URL: "http://127.0.0.1:1/mcp" });
    expect(argv.join(" ")).not.toContain("secret-token");
    expect(argv.slice(4, 7)).toEqual(["--model=gemini-2.5-flash", "--approval-mode", "auto_edit"]);
  });

  test("of our environment it gets how to reach its model, and the definition has the last word", () => {
    const { env } = programWith({ env: { GOOGLE_CLOUD_PROJECT: "mine" } }).launch(
      plan(),
      identity({ PATH: "/bin", GEMINI_API_KEY: "key", GOOGLE_CLOUD_PROJECT: "ours", DATABASE_URL: "secret" }),
    );
    expect(env).toMatchObject({ GEMINI_API_KEY: "key", GOOGLE_CLOUD_PROJECT: "mine" });
    expect(env).not.toHaveProperty("DATABASE_URL");
  });

  test("a definition with a relative folder, an unknown mode or a name of ours in its environment is refused", () => {
    for (const wrong of [{ cwd: "repo" }, { approvalMode: "never" }, { env: { ROUSE_TOKEN: "x" } }])
      expect(() => programWith(wrong)).toThrow("definition of kind gemini");
  });
});

/** A program that answers like Gemini CLI as far as `prepare` asks. */
function fakeGemini(version: string): string {
  const path = join(root, "gemini");
  writeFileSync(path, `#!/bin/sh\necho '${version}'\n`, { mode: 0o755 });
  return path;
}

describe("preparing Gemini CLI's home", () => {
  const settings = (): Record<string, unknown> =>
    JSON.parse(readFileSync(join(folder, ".gemini/settings.json"), "utf8")) as Record<string, unknown>;

  async function prepare(
    definition: Record<string, unknown> & { env?: object } = {},
    version = "0.61.0",
  ): Promise<void> {
    mkdirSync(join(home(), ".gemini"), { recursive: true });
    const env = { HOME: home(), GEMINI_API_KEY: "key", ...definition.env };
    const program = programWith({ command: [fakeGemini(version)], ...definition, env });
    await program.prepare?.(identity(), folder);
  }

  test("our server is trusted and told by variables, updates are off, and no file holds the token", async () => {
    await prepare();
    expect(settings()).toMatchObject({
      general: { enableAutoUpdate: false, enableAutoUpdateNotification: false },
      ui: { useBackgroundColor: false },
      mcpServers: {
        rouse: {
          ...{ httpUrl: "$ROUSE_URL", trust: true },
          headers: { Authorization: "Bearer $ROUSE_TOKEN" },
        },
      },
      security: { auth: { selectedType: "gemini-api-key" } },
    });
    expect(statSync(join(folder, ".gemini/settings.json")).mode & 0o077).toBe(0);
  });

  test("what the definition says is set, what the program wrote stays, and ours comes first", async () => {
    mkdirSync(join(folder, ".gemini"));
    const theirs = { ui: { theme: "Ayu", useBackgroundColor: true }, mcpServers: { x: { command: "y" } } };
    writeFileSync(join(folder, ".gemini/settings.json"), JSON.stringify(theirs));
    await prepare({ settings: { general: { maxAttempts: 1, enableAutoUpdate: true } } });
    expect(settings()).toMatchObject({
      general: { maxAttempts: 1, enableAutoUpdate: false },
      ui: { theme: "Ayu", useBackgroundColor: false },
      mcpServers: { x: { command: "y" }, rouse: { trust: true } },
    });
  });

  test("preparing twice writes nothing the second time", async () => {
    await prepare();
    const path = join(folder, ".gemini/settings.json");
    writeFileSync(path, JSON.stringify(settings()));
    const { ino, mtimeMs } = statSync(path);
    await prepare();
    expect(statSync(path)).toMatchObject({ ino, mtimeMs });
  });

  test("it is signed in as the user is, by links, and nothing of the user's is changed", async () => {
    const own = join(home(), ".gemini");
    mkdirSync(own, { recursive: true });
    const chosen = '{"security":{"auth":{"selectedType":"oauth-personal"}}}';
    writeFileSync(join(own, "settings.json"), chosen);
    writeFileSync(join(own, "oauth_creds.json"), "{}");
    await prepare();
    await prepare();
    expect(settings()).toMatchObject({ security: { auth: { selectedType: "oauth-personal" } } });
    expect(readlinkSync(join(folder, ".gemini/oauth_creds.json"))).toBe(join(own, "oauth_creds.json"));
    expect(readFileSync(join(own, "settings.json"), "utf8")).toBe(chosen);
  });

  test("a sign-in of its own is kept", async () => {
    mkdirSync(join(home(), ".gemini"), { recursive: true });
    writeFileSync(join(home(), ".gemini/oauth_creds.json"), "{}");
    mkdirSync(join(folder, ".gemini"));
    writeFileSync(join(folder, ".gemini/oauth_creds.json"), "own");
    await prepare({ settings: { security: { auth: { selectedType: "vertex-ai" } } } });
    expect(lstatSync(join(folder, ".gemini/oauth_creds.json")).isSymbolicLink()).toBe(false);
    expect(settings()).toMatchObject({ security: { auth: { selectedType: "vertex-ai" } } });
  });

  test.each([
    ["signs in by Google's account", { GOOGLE_GENAI_USE_GCA: "true" }, "oauth-personal"],
    ["signs in by Vertex AI", { GOOGLE_GENAI_USE_VERTEXAI: "true" }, "vertex-ai"],
  ])("an environment that says so %s", async (_, env, selectedType) => {
    await prepare({ env });
    expect(settings()).toMatchObject({ security: { auth: { selectedType } } });
  });

  test("without any sign-in it is not started, and the reason says what to do", async () => {
    const refused = prepare({ env: { GEMINI_API_KEY: "" } });
    await expect(refused).rejects.toMatchObject({
      code: "launch_failed",
      nextStep: "Run gemini and sign in, or set GEMINI_API_KEY where the node is started.",
    });
  });

  test("a version that was never recorded is not started, unless it is read as one that was", async () => {
    await expect(prepare({}, "0.62.0")).rejects.toMatchObject({ code: "launch_failed" });
    await prepare({ readScreensAs: "0.61.0" }, "0.62.0");
  });

  test("the version is its package's where it has one: the program itself is not asked", async () => {
    const bundle = join(root, "lib/@google/gemini-cli/bundle");
    mkdirSync(bundle, { recursive: true });
    const manifest = { name: "@google/gemini-cli", version: "0.61.0" };
    writeFileSync(join(bundle, "../package.json"), JSON.stringify(manifest));
    writeFileSync(join(bundle, "gemini.js"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    symlinkSync(join(bundle, "gemini.js"), join(root, "linked"));
    const program = programWith({ command: [join(root, "linked")] });
    expect(await program.version?.(new AbortController().signal)).toEqual({ text: "0.61.0", known: true });
  });

  test("a program that is missing is named, with the command that installs it", async () => {
    const program = programWith({ command: [join(root, "nothing")] });
    await expect(program.prepare?.(identity(), folder)).rejects.toMatchObject({
      message: expect.stringContaining("cannot be run as") as string,
      nextStep: expect.stringContaining("npm install --global @google/gemini-cli@0.61.0") as string,
    });
  });

  test("settings that are no JSON are left as they are, with a reason", async () => {
    mkdirSync(join(folder, ".gemini"));
    writeFileSync(join(folder, ".gemini/settings.json"), "{ half");
    await expect(prepare()).rejects.toMatchObject({ code: "launch_failed" });
    expect(readFileSync(join(folder, ".gemini/settings.json"), "utf8")).toBe("{ half");
  });

  test("a folder that cannot be written is a reason, too", async () => {
    mkdirSync(join(folder, ".gemini"));
    mkdirSync(join(folder, "hook.sh"));
    await expect(prepare()).rejects.toMatchObject({ code: "launch_failed" });
  });
});
