import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { AgentPackage } from "./packages.ts";

const run = promisify(execFile);
/** The largest of them has 450 MB. */
const installWithinMs = 600_000;
const answersWithinMs = 60_000;

export class InstallError extends Error {
  readonly code: "registry_refused" | "program_unusable";
  readonly nextStep: string;

  constructor(code: InstallError["code"], message: string, nextStep: string) {
    super(message);
    this.code = code;
    this.nextStep = nextStep;
  }
}

type Npm = (args: readonly string[]) => Promise<unknown>;

export interface InstallOptions {
  /** Default: `ROUSE_AGENT_CACHE`, else `~/.cache/rouse-agents`. */
  cache?: string;
  onProgress?: (text: string) => void;
  /** How npm is run, for tests. */
  npm?: Npm;
}

/**
 * Path of the program, installed into the cache unless it is there. A half-finished installation is never seen: it
 * appears under its name when it answers with its version. Throws `InstallError`.
 */
export async function installAgent(wanted: AgentPackage, options: InstallOptions = {}): Promise<string> {
  const { cache = defaultCache(), onProgress = () => {}, npm = runNpm } = options;
  const spec = `${wanted.name}@${wanted.version}`;
  const folder = join(cache, spec);
  const program = programIn(folder, wanted);
  if (await answers(folder, wanted)) return program;
  onProgress(`installing ${spec} into ${folder}`);
  mkdirSync(dirname(folder), { recursive: true });
  const draft = mkdtempSync(join(cache, ".draft-"));
  try {
    await npm(installArguments(draft, spec)).catch((error: unknown) => {
      throw refused(spec, error);
    });
    await finish(draft, wanted, npm);
    rmSync(folder, { recursive: true, force: true });
    renameSync(draft, folder);
  } finally {
    rmSync(draft, { recursive: true, force: true });
  }
  onProgress(`installed ${spec}`);
  return program;
}

function defaultCache(): string {
  return process.env["ROUSE_AGENT_CACHE"] ?? join(homedir(), ".cache/rouse-agents");
}

/** The native programs come as optional packages, which a person's npm configuration may leave out. */
function installArguments(folder: string, spec: string): string[] {
  return [
    "install",
    "--prefix",
    folder,
    "--ignore-scripts",
    "--include=optional",
    "--no-audit",
    "--no-fund",
    spec,
  ];
}

function runNpm(args: readonly string[]): Promise<unknown> {
  const env = { ...process.env, npm_config_loglevel: "error" };
  return run("npm", args, { env, timeout: installWithinMs, maxBuffer: 10_000_000 });
}

function programIn(folder: string, { command }: AgentPackage): string {
  return join(folder, "node_modules/.bin", command);
}

/** Most run as npm left them; some need the one step of their own that npm was told to skip. */
async function finish(folder: string, wanted: AgentPackage, npm: Npm): Promise<void> {
  if (await answers(folder, wanted)) return;
  // Asked to run scripts for this package alone, npm does what its own installer would.
  const rebuild = ["rebuild", "--prefix", folder, "--ignore-scripts=false", wanted.name];
  await npm(rebuild).catch(() => {});
  if (await answers(folder, wanted)) return;
  throw new InstallError(
    "program_unusable",
    `${wanted.name}@${wanted.version} was installed, but \`${wanted.command}\` does not answer`,
    "See that npm may install optional packages (npm config get omit) and that this platform is supported.",
  );
}

async function answers(folder: string, wanted: AgentPackage): Promise<boolean> {
  const { name, version, isMute = false } = wanted;
  try {
    const asked = [isMute ? "--help" : "--version"];
    const { stdout } = await run(programIn(folder, wanted), asked, { timeout: answersWithinMs });
    if (!isMute) return stdout.includes(version);
    const manifest = await readFile(join(folder, "node_modules", name, "package.json"), "utf8");
    return manifest.includes(`"version": "${version}"`);
  } catch {
    return false;
  }
}

function refused(spec: string, cause: unknown): InstallError {
  const { stderr = "" } = cause as { stderr?: string };
  const said =
    stderr
      .trim()
      .split("\n")
      .find((line) => line !== "") ?? String(cause);
  return new InstallError(
    "registry_refused",
    `npm could not install ${spec}: ${said}`,
    `Check \`npm ping\` and \`npm view ${spec} version\`, or set ROUSE_AGENT_CACHE to a folder that holds it.`,
  );
}
