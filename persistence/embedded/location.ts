import { createHash } from "node:crypto";
import { chmod, readFile, realpath, stat, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import path from "node:path";

import { asFolderError, makeFolder } from "./folder.ts";
import type { Owner } from "./owner.ts";
import { canReach } from "./owner.ts";

/** Where things live that another user must reach: the binaries always, the data when our own folder is closed to it. */
const sharedRoot = "/var/lib/rouse";

export interface Location {
  /** Our folder, resolved: lock, password, port, start-up log. */
  dir: string;
  dataDir: string;
  /** For copies of the binaries, shared by all state folders. */
  binariesDir: string;
}

/**
 * Makes `dir` and decides where the data folder is. The decision is written down, so that a later change of folder
 * permissions can't make a database "disappear".
 * @throws RouseError directory_not_writable
 */
export async function prepareLocation(dir: string, owner: Owner | null): Promise<Location> {
  await makeFolder(dir, 0o700);
  const home = await realpath(dir);
  const known = await readDataDir(home);
  if (owner === null) {
    const dataDir = known ?? (await recordDataDir(home, path.join(home, "data")));
    return { dir: home, dataDir, binariesDir: path.join(userCache(), "rouse", "postgres") };
  }
  const near = await openTo(owner, home);
  const shared = path.join(sharedRoot, createHash("sha256").update(home).digest("hex").slice(0, 16));
  const dataDir = known ?? (await recordDataDir(home, path.join(near ? home : shared, "data")));
  if (path.dirname(dataDir) === shared) {
    await makeFolder(sharedRoot, 0o755);
    await makeFolder(shared, 0o711);
  }
  return { dir: home, dataDir, binariesDir: path.join(sharedRoot, "binaries") };
}

function userCache(): string {
  return process.env["XDG_CACHE_HOME"] ?? path.join(homedir(), ".cache");
}

/** The data folder that was decided on for `dir`; null when none was yet. */
export async function readDataDir(dir: string): Promise<string | null> {
  return readFile(path.join(dir, "location"), "utf8").catch(() => null);
}

async function recordDataDir(dir: string, dataDir: string): Promise<string> {
  try {
    await writeFile(path.join(dir, "location"), dataDir, { mode: 0o600, flag: "wx" });
    return dataDir;
  } catch (error) {
    const known = await readDataDir(dir);
    if (known === null) throw asFolderError(error, dir);
    return known;
  }
}

/** Our own folder may be opened for passing through (its files stay 0600); the folders above it are not ours to change. */
async function openTo(owner: Owner, dir: string): Promise<boolean> {
  if (!(await canReach(owner, path.dirname(dir)))) return false;
  if (!(await canReach(owner, dir))) await chmod(dir, ((await stat(dir)).mode & 0o777) | 0o011);
  return true;
}
