import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

/** Revisions of the protocol, each with its frozen list of required scenarios in the suite. */
export const revisions = ["2025-11-25", "2026-07-28"] as const;
export type Revision = (typeof revisions)[number];

export interface Check {
  id: string;
  status: "SUCCESS" | "FAILURE" | "WARNING" | "SKIPPED" | "INFO";
  message: string | null;
}

export interface ScenarioRun {
  scenario: string;
  checks: Check[];
}

const packageFile = createRequire(import.meta.url).resolve("@modelcontextprotocol/conformance/package.json");
const program = join(dirname(packageFile), "dist/index.js");

export async function suiteVersion(): Promise<string> {
  const { version } = JSON.parse(await readFile(packageFile, "utf8")) as { version: string };
  return version;
}

/** The server scenarios that the revision requires, and those that it runs without scoring them, with the suite's reason. */
export async function listScenarios(
  revision: Revision,
): Promise<{ required: string[]; unscored: Map<string, string> }> {
  const file = await readFile(join(dirname(packageFile), "requirements", `${revision}.yaml`), "utf8");
  const section = /^server:\n((?: {2}- .+\n)+)/m.exec(file)?.[1] ?? "";
  const entries = [
    ...file.matchAll(/^ {2}- scenario: (?<name>\S+)\n {4}leg: server\n {4}reason: (?<reason>\S+)/gm),
  ];
  return {
    required: section
      .split("\n")
      .map((line) => line.replace(/^ {2}- /, ""))
      .filter((name) => name !== ""),
    unscored: new Map(entries.map(({ groups }) => [groups?.["name"] ?? "", groups?.["reason"] ?? ""])),
  };
}

/** Runs what the revision requires, or one scenario of it, against the server at this address. */
export async function runSuite(url: string, revision: Revision, scenario?: string): Promise<ScenarioRun[]> {
  const folder = await mkdtemp(join(tmpdir(), "rouse-conformance-"));
  const selection =
    scenario === undefined
      ? ["--requirements", revision]
      : ["--spec-version", revision, "--scenario", scenario];
  const args = ["--no-warnings", program, "server", "--url", url, ...selection, "-o", folder];
  try {
    // Its exit code tells of failures, which the results name one by one.
    const output = await new Promise<string>((resolve) => {
      execFile(process.execPath, args, { maxBuffer: 1 << 26 }, (_error, out, err) => resolve(out + err));
    });
    const runs = await readResults(folder);
    if (runs.length === 0) throw new Error(`the suite left no results:\n${output}`);
    return runs;
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** One folder for each scenario, named `server-<scenario>-<time>`. */
async function readResults(folder: string): Promise<ScenarioRun[]> {
  const names = await readdir(folder);
  return Promise.all(
    names.toSorted().map(async (name) => {
      const checks = JSON.parse(await readFile(join(folder, name, "checks.json"), "utf8")) as {
        id: string;
        status: Check["status"];
        errorMessage?: string;
      }[];
      return {
        scenario: name.replace(/^server-/, "").replace(/-\d{4}-\d\d-\d\dT.*$/, ""),
        checks: checks.map(({ id, status, errorMessage }) => ({ id, status, message: errorMessage ?? null })),
      };
    }),
  );
}
