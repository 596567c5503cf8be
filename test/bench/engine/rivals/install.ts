import { spawn } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/**
 * The rivals' packages, installed on demand: they are no dependency of ours. The cache folder lies below our
 * node_modules' parent, so that what they share with us (XState, for Restate's binding) is one and the same.
 */

const source = fileURLToPath(new URL("../../rivals/", import.meta.url));
const cache = fileURLToPath(new URL("../../../../.cache/bench-rivals/", import.meta.url));
const files = ["package.json", "package-lock.json", ".npmrc", "load.mjs"];

/** Null when the packages are there, else why not. */
export async function installRivals(say: (text: string) => void): Promise<string | null> {
  if (isInstalled()) return null;
  mkdirSync(cache, { recursive: true });
  for (const file of files) copyFileSync(join(source, file), join(cache, file));
  say("rivals: installing with npm ci (250 MB, the first time only) …");
  const startedAt = performance.now();
  const failure = await npmCi();
  if (failure === null) say(`rivals: installed in ${Math.round((performance.now() - startedAt) / 1_000)} s`);
  return failure;
}

/** npm writes its own lockfile into node_modules last, so that its presence means a whole installation. */
function isInstalled(): boolean {
  if (!existsSync(join(cache, "node_modules", ".package-lock.json"))) return false;
  return files.every((file) => {
    const there = join(cache, file);
    return existsSync(there) && readFileSync(there, "utf8") === readFileSync(join(source, file), "utf8");
  });
}

function npmCi(): Promise<string | null> {
  const script = process.env["npm_execpath"];
  const [file, first] = script?.endsWith("js") === true ? [process.execPath, [script]] : ["npm", []];
  const patience = ["--fetch-retry-mintimeout=2000", "--fetch-retry-maxtimeout=8000"];
  return new Promise((resolve) => {
    const child = spawn(file, [...first, "ci", "--loglevel=error", ...patience], {
      cwd: cache,
      // Inside `npm run`, npm's own settings stand in the environment and would win over the folder's .npmrc.
      env: { ...process.env, npm_config_ignore_scripts: "true", npm_config_legacy_peer_deps: "true" },
      stdio: ["ignore", "ignore", "pipe"],
    });
    let output = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (output += text));
    child.on("error", (error) => resolve(`npm could not be run: ${error.message}`));
    child.on("close", (code) => resolve(code === 0 ? null : `npm ci failed: ${firstLines(output)}`));
  });
}

function firstLines(output: string): string {
  return output.trim().split("\n").slice(0, 3).join(" ");
}

/** A module of a rival's package; the caller names the part of it that is used. */
export async function load<Module>(name: string): Promise<Module> {
  const loader = (await import(pathToFileURL(join(cache, "load.mjs")).href)) as {
    load: (name: string) => Promise<unknown>;
  };
  return (await loader.load(name)) as Module;
}

export function versionOf(name: string): string {
  const file = join(packageFolder(name), "package.json");
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}

export function packageFolder(name: string): string {
  return join(cache, "node_modules", name);
}
