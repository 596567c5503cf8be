// Makes this checkout ready, then runs a command: `node bootstrap.mjs COMMAND [ARGUMENTS…]`.
//
// Plain JavaScript for Node 20: it runs before anything is installed. Ready means that node_modules holds exactly
// what package-lock.json names, Node 24 included, which is then first on the command's PATH. Checking costs a few
// milliseconds; only a difference runs `npm ci`.
import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean,
 *   os?: string | string[], cpu?: string | string[], libc?: string | string[] }} LockEntry
 * @typedef {Record<string, LockEntry>} LockEntries
 */

const ROOT = dirname(fileURLToPath(import.meta.url));
const BIN = join(ROOT, "node_modules", ".bin");
/** The oldest Node that runs TypeScript by itself: good enough where no Node 24 is packaged. */
const OLDEST_NODE = [22, 18];

/**
 * Likely causes of a failed `npm ci`, most telling first: what npm prints, what it means, what to do.
 * @type {[RegExp, string, string][]}
 */
const INSTALL_FAILURES = [
  [
    /ENOSPC/,
    "the disk is full",
    "Free about 1 GB (node_modules and npm's cache need it) and run the command again.",
  ],
  [
    /EACCES|EPERM|EROFS/,
    "a folder is not writable",
    "Make this folder and npm's cache (`npm config get cache`) writable for you, then run the command again.",
  ],
  [
    /EUSAGE|in sync/,
    "package.json and package-lock.json do not agree",
    "Run `npm run lock`, look at the change, and run the command again.",
  ],
  [
    /EINTEGRITY/,
    "a downloaded package is not the one in package-lock.json",
    "Run `npm cache clean --force` and the command again. If it stays, do not install: the registry serves other content.",
  ],
  [
    /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ETIMEDOUT|ENOTCACHED/,
    "the package registry cannot be reached",
    "Check the network and proxy settings (`npm ping` must succeed), then run the command again. Nothing else needs the network.",
  ],
  [
    /CERT|SELF_SIGNED|UNABLE_TO_VERIFY/,
    "the registry's certificate is not trusted",
    "Tell npm which authority to trust (`npm config set cafile FILE`) and run the command again.",
  ],
  [
    /E40[13]|E404|E429|E5\d\d/,
    "the package registry refused",
    "Run `npm ping`; if a mirror is configured (`npm config get registry`), try again later or use another one.",
  ],
];

const [command, ...args] = process.argv.slice(2);
await ensureInstalled();
ensureNode();
if (command !== undefined) run(command, args);

async function ensureInstalled() {
  const missing = missingPackages();
  if (missing.length === 0) return;
  await install(missing.length);
  const stillMissing = missingPackages();
  if (stillMissing.length > 0) {
    fail(
      `npm finished without ${stillMissing.slice(0, 3).join(", ")}`,
      "A download for this platform probably failed. Check the network and run the command again.",
    );
  }
}

/** Packages that package-lock.json names for this platform and node_modules lacks or holds in another version. */
function missingPackages() {
  const wanted = readPackages("package-lock.json");
  const installed = readPackages("node_modules/.package-lock.json");
  if (wanted === null)
    return fail("package-lock.json is missing or damaged", "Restore it: `git checkout package-lock.json`.");
  return Object.keys(wanted).filter((path) => {
    const entry = wanted[path] ?? {};
    if (!path.startsWith("node_modules/") || entry.link === true) return false;
    const found = installed?.[path];
    if (found === undefined) return isForThisMachine(entry);
    return (
      found.version !== entry.version ||
      (entry.integrity !== undefined && found.integrity !== entry.integrity)
    );
  });
}

/** @param {string} file @returns {LockEntries | null} */
function readPackages(file) {
  try {
    return JSON.parse(readFileSync(join(ROOT, file), "utf8")).packages ?? null;
  } catch {
    return null;
  }
}

/**
 * Whether npm surely installs the package here. Not sure: an optional package for any platform (its parent may be for
 * another one) and a choice by C library (finding out which one this is takes longer than all other checks).
 * @param {LockEntry} entry
 */
function isForThisMachine({ optional, os, cpu, libc }) {
  if (optional !== true) return true;
  if ((os ?? cpu) === undefined || libc !== undefined) return false;
  return allows(os, process.platform) && allows(cpu, process.arch);
}

/** @param {string | string[] | undefined} list @param {string} value */
function allows(list, value) {
  if (list === undefined) return true;
  const items = [list].flat();
  return (
    items.includes(value) || (items.every((item) => item.startsWith("!")) && !items.includes(`!${value}`))
  );
}

/** @param {number} count */
async function install(count) {
  const startedAt = Date.now();
  const seconds = () => `${Math.round((Date.now() - startedAt) / 1000)} s`;
  say(`installing ${count} packages with \`npm ci\` (the first time this takes about a minute) …`);
  const progress = setInterval(() => say(`still installing, ${seconds()}`), 10_000);
  const { code, output } = await npm([
    "ci",
    "--include=dev",
    "--ignore-scripts",
    "--no-audit",
    "--no-fund",
    "--loglevel=error",
    // npm's own pauses between tries add up to more than a minute before it says that it is offline.
    "--fetch-retry-mintimeout=2000",
    "--fetch-retry-maxtimeout=8000",
  ]);
  clearInterval(progress);
  if (code === 0) return say(`installed in ${seconds()}`);
  process.stderr.write(output);
  for (const [pattern, cause, nextStep] of INSTALL_FAILURES) {
    if (pattern.test(output)) fail(`\`npm ci\` failed: ${cause}`, nextStep);
  }
  fail(
    `\`npm ci\` failed with exit code ${code}`,
    "npm's own words are above; solve what they name and run the command again.",
  );
}

/** @param {string[]} npmArgs @returns {Promise<{ code: number, output: string }>} */
function npm(npmArgs) {
  // Inside `npm run`, npm names its own script: use that very npm, with the Node that already runs.
  const script = process.env["npm_execpath"];
  const isScript = script !== undefined && /\.[cm]?js$/.test(script) && existsSync(script);
  const [file, prefix] = isScript ? [process.execPath, [script]] : ["npm", []];
  return new Promise((resolve) => {
    const child = spawn(file, [...prefix, ...npmArgs], { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] });
    let output = "";
    child.stderr.setEncoding("utf8").on("data", (chunk) => (output += chunk));
    child.on("error", (error) => resolve({ code: 127, output: `${output}${error.message}\n` }));
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/** Node 24 comes with the packages; on a platform without such a package the machine's own Node must be new enough. */
function ensureNode() {
  const link = join(BIN, "node");
  if (existsSync(link)) return;
  const packaged = join("..", `node-${process.platform}-${process.arch}`, "bin", "node");
  if (existsSync(join(BIN, packaged))) {
    // npm 10 and older install the package and do not link its command.
    rmSync(link, { force: true });
    symlinkSync(packaged, link);
    return;
  }
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const [oldestMajor = 0, oldestMinor = 0] = OLDEST_NODE;
  if (major > oldestMajor || (major === oldestMajor && minor >= oldestMinor)) return;
  fail(
    `no packaged Node 24 for ${process.platform} ${process.arch}, and this is Node ${process.versions.node}`,
    `Remove node_modules and run the command again, or install Node ${OLDEST_NODE.join(".")} or newer.`,
  );
}

/** Runs the command as if it had replaced this process. @param {string} file @param {string[]} fileArgs */
function run(file, fileArgs) {
  const env = { ...process.env, PATH: `${BIN}${delimiter}${process.env["PATH"] ?? ""}` };
  const child = spawn(file, fileArgs, { stdio: "inherit", env });
  // Ctrl-C reaches the whole foreground group by itself; the other signals come to this process alone.
  process.on("SIGINT", () => {});
  for (const signal of /** @type {const} */ (["SIGTERM", "SIGHUP"]))
    process.on(signal, () => child.kill(signal));
  child.on("error", (error) =>
    fail(`cannot run ${file}: ${error.message}`, "See `npm run` for the commands of this repository."),
  );
  child.on("close", (code, signal) => {
    process.exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  });
}

/** @param {string} text */
function say(text) {
  process.stderr.write(`rouse set-up: ${text}\n`);
}

/** @param {string} problem @param {string} nextStep @returns {never} */
function fail(problem, nextStep) {
  say(`${problem}.\n  Next step: ${nextStep}`);
  process.exit(1);
}
