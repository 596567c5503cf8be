/** The real programs, where they are installed, read what `rouse agent connect` writes. No model is asked. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { agentKinds, readAgentProgram } from "../../../adapters/agents/registry.ts";
import type { DoctorReport } from "../../../api/cli/views/agents.ts";
import { type AgentPackage, agentPackages } from "../../agents/packages.ts";
import { createStage, type Stage } from "./stage.ts";

const run = promisify(execFile);
const cache = process.env["ROUSE_AGENT_CACHE"] ?? join(homedir(), ".cache/rouse-agents");
const folderOf = ({ name, version }: AgentPackage) => join(cache, `${name}@${version}`, "node_modules/.bin");
const has = (wanted: AgentPackage) => existsSync(join(folderOf(wanted), wanted.command));
for (const wanted of [agentPackages.codex, agentPackages["claude-code"], agentPackages.gemini])
  if (!has(wanted)) console.warn(`SKIPPED: the real ${wanted.name} needs ${folderOf(wanted)}`);

const patienceMs = 120_000;
let stage: Stage;
let person: string;
beforeEach(async () => {
  stage = await createStage();
  person = await mkdtemp(join(tmpdir(), "rouse-person-"));
});
afterEach(async () => {
  process.exitCode = undefined;
  await stage.close();
  await rm(person, { recursive: true, force: true, maxRetries: 5 });
});

function environmentFor(wanted: AgentPackage) {
  const quiet = { DISABLE_AUTOUPDATER: "1", CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1" };
  // Elsewhere Gemini CLI starts no server.
  const trusted = { GEMINI_CLI_TRUST_WORKSPACE: "true" };
  return { HOME: person, PATH: `${folderOf(wanted)}:${process.env["PATH"]}`, ...quiet, ...trusted };
}

async function play(wanted: AgentPackage, ...args: string[]): Promise<string> {
  const options = { env: environmentFor(wanted), cwd: person, timeout: patienceMs };
  return (await run(wanted.command, args, options)).stdout;
}

async function rouse(wanted: AgentPackage, ...args: string[]) {
  const outcome = await stage.rouse(["agent", ...args, "--json"], { environment: environmentFor(wanted) });
  expect(outcome).toMatchObject({ code: 0, err: "" });
  return JSON.parse(outcome.out) as object;
}

async function checks(wanted: AgentPackage, kind: string): Promise<Record<string, string>> {
  const report = (await rouse(wanted, "doctor", kind)) as DoctorReport;
  return Object.fromEntries(report.checks.map(({ code, status }) => [code, status]));
}

describe.skipIf(!has(agentPackages.codex))("the real Codex", { timeout: patienceMs }, () => {
  const { codex } = agentPackages;
  const config = () => readFile(join(person, ".codex/config.toml"), "utf8");

  test("starts our server from its settings, writes them anew, and loses nothing by undo", async () => {
    await mkdir(join(person, ".codex"));
    await writeFile(join(person, ".codex/config.toml"), '# mine\nmodel = "x" # too\n');
    await rouse(codex, "connect", "codex", "--agent", "codex-1", "--yes");
    const server: unknown = JSON.parse(await play(codex, "mcp", "get", "rouse", "--json"));
    expect(server).toMatchObject({
      transport: {
        type: "stdio",
        args: expect.arrayContaining(["mcp", "--agent", "codex-1"]) as string[],
        env_vars: ["ROUSE_TOKEN", "ROUSE_TOKEN_FILE", "ROUSE_URL"],
      },
    });
    await play(codex, "mcp", "add", "other", "--", "true");
    await rouse(codex, "connect", "codex", "--undo", "--yes");
    expect(await config()).toContain('# mine\nmodel = "x" # too\n');
    expect(await config()).not.toContain("rouse");
    const left: unknown = JSON.parse(await play(codex, "mcp", "list", "--json"));
    expect(left).toMatchObject([{ name: "other" }]);
  });

  test("that Rouse launches with these settings takes its own identity from its environment", async () => {
    await rouse(codex, "connect", "codex", "--agent", "codex-1", "--yes");
    const env = { HOME: person, CODEX_HOME: join(person, ".codex") };
    const program = readAgentProgram(agentKinds, "codex", { cwd: person, home: "user", env });
    const identity = {
      workspaceId: "w",
      agentId: "ann",
      runtimeId: "rt-1",
      mcpUrl: "http://127.0.0.1:9/mcp",
      stdioServer: { command: "rouse", args: ["mcp"], env: {} },
    };
    const plan = { purpose: "start", sessionId: null, prompt: null } as const;
    const { argv } = program.launch(plan, {
      ...identity,
      credential: { token: "t" },
      folder: person,
      baseEnv: {},
    });
    const settings = argv.flatMap((arg, index) => (arg === "-c" ? ["-c", argv[index + 1] ?? ""] : []));
    const server: unknown = JSON.parse(await play(codex, ...settings, "mcp", "get", "rouse", "--json"));
    expect(server).toMatchObject({
      transport: {
        type: "stdio",
        env_vars: expect.arrayContaining(["ROUSE_TOKEN", "ROUSE_URL"]) as string[],
      },
    });
  });

  test("is found, known, and not signed in", async () => {
    const found = await checks(codex, "codex");
    expect(found).toMatchObject({
      program: "ok",
      version: "ok",
      signed_in: "fail",
      connected: "warn",
      endpoint: "ok",
    });
  });
});

describe.skipIf(!has(agentPackages["claude-code"]))("the real Claude Code", { timeout: patienceMs }, () => {
  const claude = agentPackages["claude-code"];
  const servers = async () =>
    (JSON.parse(await readFile(join(person, ".claude.json"), "utf8")) as { mcpServers: object }).mcpServers;

  test("starts our server, which speaks to the node, and loses nothing by undo", async () => {
    await play(claude, "mcp", "add", "--scope", "user", "other", "--", "true");
    await rouse(claude, "connect", "claude-code", "--agent", "claude-1", "--yes");
    expect(await play(claude, "mcp", "get", "rouse")).toMatch(/Scope: User config[^]*Status: .*Connected/);
    expect(await checks(claude, "claude-code")).toMatchObject({
      version: "ok",
      connected: "ok",
      signed_in: "fail",
    });
    await play(claude, "mcp", "add", "--scope", "user", "third", "--", "true");
    await rouse(claude, "connect", "claude-code", "--undo", "--yes");
    expect(Object.keys(await servers()).toSorted()).toEqual(["other", "third"]);
  });
});

describe.skipIf(!has(agentPackages.gemini))("the real Gemini CLI", { timeout: patienceMs }, () => {
  const gemini = agentPackages.gemini;
  const servers = async () =>
    (JSON.parse(await readFile(join(person, ".gemini/settings.json"), "utf8")) as { mcpServers: object })
      .mcpServers;

  test("starts our server, which speaks to the node, and loses nothing by undo", async () => {
    await play(gemini, "mcp", "add", "--scope", "user", "other", "true");
    await rouse(gemini, "connect", "gemini", "--agent", "gemini-1", "--yes");
    const options = { env: environmentFor(gemini), cwd: person, timeout: patienceMs };
    const { stderr } = await run(gemini.command, ["mcp", "list"], options);
    expect(stderr).toMatch(/rouse: .*Connected/);
    expect(await checks(gemini, "gemini")).toMatchObject({
      version: "ok",
      connected: "ok",
      signed_in: "fail",
    });
    await play(gemini, "mcp", "add", "--scope", "user", "third", "true");
    await rouse(gemini, "connect", "gemini", "--undo", "--yes");
    expect(Object.keys(await servers()).toSorted()).toEqual(["other", "third"]);
  });
});
