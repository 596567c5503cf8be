// Adds to package-lock.json the optional platform packages that npm left out. `npm run lock` runs it.
//
// Why: npm drops an optional package from the lockfile when the registry in use cannot serve it (a mirror without
// that platform), and `npm ci` then refuses the very lockfile that npm wrote. Each added entry carries the exact
// version its parent asks for and the platform it is for, so that `npm ci` accepts the file and no machine installs
// a package meant for another one.
import { readFileSync, writeFileSync } from "node:fs";

const SYSTEMS = ["android", "darwin", "freebsd", "linux", "openharmony", "win32"];
const PROCESSORS = ["arm64", "arm", "ia32", "ppc64", "riscv64", "s390x", "x64"];

/**
 * @typedef {{ version?: string, dev?: boolean, optional?: boolean, os?: string[], cpu?: string[], libc?: string[],
 *   optionalDependencies?: Record<string, string> }} LockEntry
 */

const lockPath = new URL("../package-lock.json", import.meta.url);
/** @type {{ packages: Record<string, LockEntry> }} */
const lock = JSON.parse(readFileSync(lockPath, "utf8"));
const added = missingOptionalEntries(lock.packages);
for (const [path, entry] of added) lock.packages[path] = entry;
// npm's own order: the root first, then by code unit of the path.
lock.packages = Object.fromEntries(
  Object.entries(lock.packages).toSorted(([a], [b]) => a.localeCompare(b, "en")),
);
writeFileSync(lockPath, `${JSON.stringify(lock, null, 2)}\n`);
console.log(`package-lock.json: ${added.size} platform packages added`);

/** @param {Record<string, LockEntry>} packages */
function missingOptionalEntries(packages) {
  const lockedPaths = Object.keys(packages);
  /** @type {Map<string, LockEntry>} */
  const missing = new Map();
  for (const parent of Object.values(packages)) {
    for (const [name, range] of Object.entries(parent.optionalDependencies ?? {})) {
      const path = `node_modules/${name}`;
      const isLocked = lockedPaths.some((locked) => locked === path || locked.endsWith(`/${path}`));
      if (!isLocked) missing.set(path, platformEntry(name, range, parent.dev === true));
    }
  }
  return missing;
}

/** @param {string} name @param {string} range @param {boolean} dev @returns {LockEntry} */
function platformEntry(name, range, dev) {
  const words = name.split(/[/-]/);
  const os = SYSTEMS.filter((system) => words.includes(system));
  const cpu = PROCESSORS.filter((processor) => words.includes(processor));
  if (os.length === 0) throw new Error(`Which platform is ${name} for? Add it to package-lock.json by hand.`);
  const libc = words.some((word) => word.startsWith("musl"))
    ? ["musl"]
    : words.some((word) => word.startsWith("gnu"))
      ? ["glibc"]
      : [];
  return {
    version: range.replace(/^[~^]/, ""),
    ...(cpu.length > 0 && { cpu }),
    ...(dev && { dev }),
    ...(libc.length > 0 && { libc }),
    optional: true,
    os,
  };
}
