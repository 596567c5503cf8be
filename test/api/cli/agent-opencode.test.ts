import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { ConnectReport, DoctorReport } from "../../../api/cli/views/agents.ts";
import { agentPackages } from "../../agents/packages.ts";
import { createStage, type Stage } from "./stage.ts";

const run = promisify(execFile);
const { name, version, command } = agentPackages.opencode;
const cache = process.env["ROUSE_AGENT_CACHE"] ?? join(homedir(), ".cache/rouse-agents");
const installed = join(cache, `${name}@${version}`, "node_modules/.bin");
const isInstalled = existsSync(join(installed, command));
if (!isInstalled) console.warn(`SKIPPED: the real ${name} needs ${installed}`);

let stage: Stage;
/** The person's home, with a folder of programs. */
let person: string;
let settings: string;
beforeEach(async () => {
  stage = await createStage();
  person = await mkdtemp(join(tmpdir(), "rouse-person-"));
  settings = join(person, ".config/opencode");
  await mkdir(join(person, "bin"));
  await mkdir(settings, { recursive: true });
});
afterEach(async () => {
  process.exitCode = undefined;
  await stage.close();
  await rm(person, { recursive: true, force: true, maxRetries: 5 });
});

const quiet = { OPENCODE_DISABLE_MODELS_FETCH: "1", OPENCODE_DISABLE_AUTOUPDATE: "1" };
const rouse = (programs: string, ...args: string[]) =>
  stage.rouse(["agent", ...args], {
    environment: { HOME: person, PATH: `${programs}:/usr/bin:/bin`, ...quiet },
  });
const connect = async (...args: string[]) =>
  JSON.parse(
    (await rouse(join(person, "bin"), "connect", "opencode", ...args, "--json")).out,
  ) as ConnectReport;

async function examine(programs: string): Promise<Record<string, DoctorReport["checks"][number]>> {
  const { out } = await rouse(programs, "doctor", "opencode", "--json");
  return Object.fromEntries((JSON.parse(out) as DoctorReport).checks.map((check) => [check.code, check]));
}

async function install(models: string): Promise<string> {
  const path = join(person, "bin/opencode");
  await writeFile(path, `#!/bin/sh\n[ "$1" = models ] && ${models} || echo 1.18.33\n`);
  await chmod(path, 0o755);
  return join(person, "bin");
}

describe("a person's own opencode", () => {
  test("gets our tools in the file that it has, and gives them back to the byte", async () => {
    const before =
      '{\n  "model": "a/b",\n  "mcp": { "other": { "type": "local", "command": ["true"] } }\n}\n';
    const file = join(settings, "opencode.jsonc");
    await writeFile(file, before);
    await connect("--agent", "open-1", "--yes");
    expect(JSON.parse(await readFile(file, "utf8"))).toMatchObject({
      mcp: {
        other: { type: "local" },
        rouse: {
          ...{ type: "local", enabled: true, environment: { ROUSE_HOME: stage.home } },
          command: expect.arrayContaining(["mcp", "--agent", "open-1"]) as string[],
        },
      },
    });
    await connect("--undo", "--yes");
    expect(await readFile(file, "utf8")).toBe(before);
    expect(await readdir(settings)).toEqual(["opencode.jsonc"]);
  });

  test("with comments in its settings is left alone, and told why", async () => {
    await writeFile(join(settings, "opencode.jsonc"), "{\n  // mine\n}\n");
    const { code, err } = await rouse(join(person, "bin"), "connect", "opencode", "--yes");
    expect({ code, err }).toMatchObject({ code: 2, err: expect.stringContaining("no JSON") as string });
    expect(await readFile(join(settings, "opencode.jsonc"), "utf8")).toBe("{\n  // mine\n}\n");
  });

  test("is examined: its models say whether it is signed in", async () => {
    expect(await examine(await install("echo acme/one"))).toMatchObject({
      program: { status: "ok" },
      version: { status: "ok" },
      signed_in: { status: "ok", text: "opencode has models of acme." },
      channels: { status: "ok" },
      connected: { status: "warn" },
    });
    expect(await examine(await install("echo no models"))).toMatchObject({ signed_in: { status: "fail" } });
  });

  test.skipIf(!isInstalled)("reads what connect writes: the real one", { timeout: 120_000 }, async () => {
    await connect("--agent", "open-1", "--yes");
    const env = { HOME: person, PATH: `${installed}:${process.env["PATH"]}`, ...quiet };
    const { stdout } = await run(command, ["debug", "config"], { env, cwd: person });
    expect(JSON.parse(stdout)).toMatchObject({ mcp: { rouse: { type: "local", enabled: true } } });
    expect(await examine(installed)).toMatchObject({
      version: { status: "ok" },
      channels: { status: "ok" },
      connected: { status: "ok" },
    });
  });
});
