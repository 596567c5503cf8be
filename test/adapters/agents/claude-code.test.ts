import { chmodSync, existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LaunchIdentity } from "../../../adapters/agents/kind.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import type { LaunchPlan } from "../../../machines/runtime/contract.ts";

const session = "0b6b1c0e-6a2f-4c55-9d0a-9a3c1c5d7e11";
const isRoot = process.getuid?.() === 0;

let folder: string;

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "claude-code-")));
  mkdirSync(join(folder, "repo"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const programWith = (definition: object = {}) =>
  readAgentProgram(agentKinds, "claude-code", { cwd: join(folder, "repo"), ...definition });

const identity = (
  baseEnv: LaunchIdentity["baseEnv"] = { PATH: "/bin", HOME: "/home/me" },
): LaunchIdentity => ({
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

const readJson = (...path: string[]): Record<string, unknown> =>
  JSON.parse(readFileSync(join(folder, ...path), "utf8")) as Record<string, unknown>;

describe("launching Claude Code", () => {
  test("a new session has an id of our choice, the same at each attempt of one runtime", () => {
    const program = programWith();
    const id = program.sessionOf(plan(), "rt-1");
    expect(id).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
    expect(program.sessionOf(plan({ purpose: "spawn" }), "rt-1")).toBe(id);
    expect(program.sessionOf(plan(), "rt-2")).not.toBe(id);
    expect(launch().argv.slice(0, 3)).toEqual(["claude", "--session-id", id]);
  });

  test("a launch repeated after its session has begun goes on with it", () => {
    const id = programWith().sessionOf(plan(), "rt-1") ?? "";
    const project = join(folder, "config/projects/-repo");
    mkdirSync(project, { recursive: true });
    writeFileSync(join(project, `${id}.jsonl`), "");
    expect(launch().argv.slice(1, 3)).toEqual(["--resume", id]);
  });

  test("a resume names the session and hands over the prompt as one argument, whatever it contains", () => {
    const prompt = "--resume $(x) ; #{y}\nsecond line";
    const { argv, typedPrompt } = launch({ purpose: "resume", sessionId: session, prompt });
    expect(argv.slice(1, 3)).toEqual(["--resume", session]);
    expect(argv.slice(-2)).toEqual(["--", prompt]);
    expect(typedPrompt).toBeNull();
  });

  test("a session id that is no UUID is refused before it becomes an argument", () => {
    for (const sessionId of ["--dangerously-skip-permissions", "abc", null])
      expect(() => launch({ purpose: "resume", sessionId })).toThrow("UUID");
  });

  test("the token reaches the program by its environment and stands in no argument", () => {
    const { argv, env } = launch({ prompt: "look" });
    expect(env["ROUSE_TOKEN"]).toBe("secret-token");
    expect(argv.join(" ")).not.toContain("secret-token");
  });

  test("of our environment it gets how to reach its model, and the definition has the last word", () => {
    const { env } = programWith({ env: { ANTHROPIC_MODEL: "small" } }).launch(
      plan(),
      identity({ PATH: "/bin", ANTHROPIC_API_KEY: "key", ANTHROPIC_MODEL: "big", DATABASE_URL: "secret" }),
    );
    expect(env).toMatchObject({ ANTHROPIC_API_KEY: "key", ANTHROPIC_MODEL: "small" });
    expect(env).toMatchObject({ CLAUDE_CONFIG_DIR: join(folder, "config"), DISABLE_AUTOUPDATER: "1" });
    expect(env).not.toHaveProperty("DATABASE_URL");
  });

  test("in a private folder it asks a person for permission, in one's own it does as it is set there", () => {
    expect(launch().argv.slice(-2)).toEqual(["--permission-mode", "manual"]);
    expect(launch({}, { permissionMode: "auto" }).argv.slice(-2)).toEqual(["--permission-mode", "auto"]);
    expect(launch({}, { configFolder: "/home/me/.claude" }).argv).not.toContain("--permission-mode");
  });

  test.runIf(isRoot)("as root permissions are bypassed only in what the definition calls a sandbox", () => {
    const definition = { permissionMode: "bypassPermissions" };
    expect(() => launch({}, definition)).toThrow("root");
    expect(launch({}, { ...definition, env: { IS_SANDBOX: "1" } }).argv).toContain("bypassPermissions");
  });

  test("a definition with a relative folder, an unknown mode or a name of ours in its environment is refused", () => {
    for (const wrong of [{ cwd: "repo" }, { permissionMode: "yolo" }, { env: { ROUSE_TOKEN: "x" } }])
      expect(() => programWith(wrong)).toThrow("definition of kind claude-code");
  });
});

describe("preparing Claude Code's folder", () => {
  const prepare = (definition: object = {}) => programWith(definition).prepare?.(identity(), folder);

  test("our tools are always loaded and allowed, and no file holds the token", async () => {
    await prepare();
    expect(readJson("mcp.json")).toEqual({
      mcpServers: {
        rouse: {
          ...{ type: "stdio", command: "rouse", args: ["mcp"], alwaysLoad: true },
          env: { ROUSE_TOKEN: "${ROUSE_TOKEN}" },
        },
      },
    });
    expect(readJson("settings.json")).toEqual({ permissions: { allow: ["mcp__rouse"] } });
    expect(statSync(join(folder, "mcp.json")).mode & 0o077).toBe(0);
  });

  test("first-run dialogs are answered, and what the program wrote stays", async () => {
    mkdirSync(join(folder, "config"));
    const theirs = {
      theme: "light",
      userID: "u",
      projects: { "/other": { a: 1 }, [join(folder, "repo")]: { b: 2 } },
    };
    writeFileSync(join(folder, "config/.claude.json"), JSON.stringify(theirs));
    await prepare();
    expect(readJson("config/.claude.json")).toEqual({
      ...{ theme: "light", userID: "u", hasCompletedOnboarding: true },
      ...{ hasSeenAutoDefaultNotice: true, hasSeenAutoDefaultNudge: true },
      projects: { "/other": { a: 1 }, [join(folder, "repo")]: { b: 2, hasTrustDialogAccepted: true } },
    });
  });

  test("preparing twice writes nothing the second time", async () => {
    await prepare();
    const path = join(folder, "config/.claude.json");
    const inTheirFormat = JSON.stringify(readJson("config/.claude.json"));
    writeFileSync(path, inTheirFormat);
    const { ino, mtimeMs } = statSync(path);
    await prepare();
    expect(statSync(path)).toMatchObject({ ino, mtimeMs });
  });

  test("the warning about bypassed permissions is accepted only for a definition that bypasses them", async () => {
    await prepare();
    expect(readJson("config/.claude.json")).not.toHaveProperty("bypassPermissionsModeAccepted");
    await prepare({ permissionMode: "bypassPermissions" });
    expect(readJson("config/.claude.json")).toMatchObject({ bypassPermissionsModeAccepted: true });
  });

  test("a configuration folder of the user's own is left alone", async () => {
    const own = join(folder, "own");
    mkdirSync(own);
    chmodSync(own, 0o500);
    await prepare({ configFolder: own });
    expect(existsSync(join(own, ".claude.json"))).toBe(false);
    expect(launch({}, { configFolder: own }).env["CLAUDE_CONFIG_DIR"]).toBe(own);
  });

  test("a configuration that is no JSON is left as it is, with a reason", async () => {
    mkdirSync(join(folder, "config"));
    const path = join(folder, "config/.claude.json");
    writeFileSync(path, "{ half");
    await expect(prepare()).rejects.toMatchObject({ code: "launch_failed" });
    expect(readFileSync(path, "utf8")).toBe("{ half");
  });

  test("a folder that cannot be written is a reason, too", async () => {
    writeFileSync(join(folder, "config"), "a file in the way");
    await expect(prepare()).rejects.toMatchObject({ code: "launch_failed" });
  });
});

describe("the installed version of Claude Code", () => {
  const versionOf = async (printed: string, definition: object = {}) => {
    const program = join(folder, "claude");
    writeFileSync(program, `#!/bin/sh\necho '${printed}'\n`, { mode: 0o755 });
    return programWith({ command: [program], ...definition }).version?.(new AbortController().signal);
  };

  test("one whose screens were recorded is known, any other is not", async () => {
    expect(await versionOf("2.1.328 (Claude Code)")).toEqual({ text: "2.1.328", known: true });
    expect(await versionOf("2.1.329 (Claude Code)")).toEqual({ text: "2.1.329", known: false });
  });

  test("an operator may have another version read like a recorded one", async () => {
    const readScreensAs = "2.1.328";
    expect(await versionOf("2.2.0 (Claude Code)", { readScreensAs })).toEqual({ text: "2.2.0", known: true });
  });

  test("a program that is missing or tells no version has none", async () => {
    expect(await versionOf("hello")).toBeNull();
    const missing = programWith({ command: [join(folder, "nothing")] });
    expect(await missing.version?.(new AbortController().signal)).toBeNull();
  });
});
