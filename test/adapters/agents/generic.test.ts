import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LaunchIdentity } from "../../../adapters/agents/kind.ts";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import type { LaunchPlan } from "../../../machines/runtime/contract.ts";
import { RouseError } from "../../../runtime/errors.ts";

const identity: LaunchIdentity = {
  workspaceId: "w",
  agentId: "reviewer-1",
  runtimeId: "rt-1",
  mcpUrl: "http://127.0.0.1:1/mcp",
  stdioServer: { command: "rouse", args: ["mcp"], env: {} },
  credential: { token: "secret-token" },
  folder: "/home/rouse/agents/reviewer-1/generic",
  baseEnv: {
    PATH: "/bin",
    HOME: "/home/me",
    DATABASE_URL: "postgres://secret",
    TERM: "dumb",
    TMUX: "/tmp/x,1,0",
  },
};

const definition = {
  command: ["agent", "--quiet"],
  cwd: "/repo",
  session: { args: ["--session={session}"] },
  resume: { args: ["resume", "{session}"] },
  prompt: { as: "argument", args: ["--prompt", "{prompt}"] },
  patterns: { prompt: "^> (.*)$" },
};

const plan = (fields: Partial<LaunchPlan> = {}): LaunchPlan => ({
  purpose: "start",
  sessionId: null,
  prompt: null,
  ...fields,
});
const launch = (fields: Partial<LaunchPlan>, changes: object = {}) =>
  readAgentProgram(agentKinds, "generic", { ...definition, ...changes }).launch(plan(fields), identity);

const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return error instanceof RouseError ? error.code : String(error);
  }
  return "nothing was thrown";
};

describe("generic agent kind", () => {
  test("arguments without a value are left out as a group", () => {
    expect(launch({}).argv).toEqual(["agent", "--quiet", "--session=ses-rt-1"]);
    expect(launch({}, { session: undefined }).argv).toEqual(["agent", "--quiet"]);
  });

  test("a resume names the session and not a new one", () => {
    const { argv, env } = launch({ purpose: "resume", sessionId: "abc", prompt: "look" });
    expect(argv).toEqual(["agent", "--quiet", "resume", "abc", "--prompt", "look"]);
    expect(env["ROUSE_SESSION"]).toBe("abc");
  });

  test("a resume without resume arguments is refused", () => {
    expect(codeOf(() => launch({ purpose: "resume", sessionId: "abc" }, { resume: undefined }))).toBe(
      "launch_failed",
    );
  });

  test.each(["--dangerously-skip", "a b", "", "$(x)"])(
    "a session id like %j never becomes an argument",
    (id) => {
      expect(codeOf(() => launch({ purpose: "resume", sessionId: id }))).toBe("launch_failed");
    },
  );

  test("the environment is an allow-list plus our own variables", () => {
    expect(launch({}, { env: { MODEL: "small" } }).env).toEqual({
      PATH: "/bin",
      HOME: "/home/me",
      MODEL: "small",
      ROUSE_URL: "http://127.0.0.1:1/mcp",
      ROUSE_TOKEN: "secret-token",
      ROUSE_AGENT: "reviewer-1",
      ROUSE_RUNTIME: "rt-1",
      ROUSE_SESSION: "ses-rt-1",
    });
  });

  test("a program that reads its token from a file is told the file, and gets no token in its environment", () => {
    const program = readAgentProgram(agentKinds, "generic", { ...definition, tokenRefresh: true });
    expect(program.readsTokenFile).toBe(true);
    const { env } = program.launch(plan(), { ...identity, credential: { file: "/home/me/rt-1" } });
    expect(env).toMatchObject({ ROUSE_TOKEN_FILE: "/home/me/rt-1" });
    expect(Object.keys(env)).not.toContain("ROUSE_TOKEN");
    expect(readAgentProgram(agentKinds, "generic", definition).readsTokenFile).toBe(false);
  });

  test("the token is in no argument", () => {
    expect(launch({ prompt: "hello" }).argv.join(" ")).not.toContain("secret-token");
  });

  test("a prompt stays one argument whatever it contains", () => {
    const program = readAgentProgram(agentKinds, "generic", definition);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (prompt) => {
        const { argv } = program.launch(plan({ prompt }), identity);
        expect(argv).toHaveLength(5);
        expect(argv[4]).not.toContain("\0");
        expect(argv[4]?.startsWith("-")).toBe(false);
      }),
    );
  });

  test("placeholders inside a prompt are not filled", () => {
    expect(launch({ prompt: "say {session}" }).argv.at(-1)).toBe("say {session}");
  });

  test("of a typed prompt only the last line is typed", () => {
    const { argv, typedPrompt } = launch(
      { prompt: "written by others\npointer" },
      { prompt: { as: "typed" } },
    );
    expect(typedPrompt).toBe("pointer");
    expect(argv).toEqual(["agent", "--quiet", "--session=ses-rt-1"]);
  });

  test.each([
    ["an unknown field", { shell: true }],
    ["a placeholder in the command", { command: ["agent", "{prompt}"] }],
    ["a relative folder", { cwd: "repo" }],
    ["a variable of ours", { env: { ROUSE_TOKEN: "x" } }],
    ["a variable with a bad name", { env: { "A=B": "x" } }],
    ["NUL in an argument", { command: ["agent", "a\0b"] }],
    ["an empty command", { command: [] }],
    ["resume arguments without the session", { resume: { args: ["resume"] } }],
    ["a pattern that can backtrack", { patterns: { prompt: "(a+)\\1" } }],
  ])("%s is refused", (_, changes) => {
    expect(codeOf(() => launch({}, changes))).toBe("invalid_input");
  });

  test("an unknown kind is refused, also one named like an object's own property", () => {
    expect(codeOf(() => readAgentProgram(agentKinds, "codex-9", {}))).toBe("invalid_input");
    expect(codeOf(() => readAgentProgram(agentKinds, "constructor", {}))).toBe("invalid_input");
  });
});
