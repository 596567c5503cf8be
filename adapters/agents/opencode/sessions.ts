import { readdir, readlink } from "node:fs/promises";
import { homedir } from "node:os";
import { join, resolve } from "node:path";
import type { OpencodeDefinition } from "./definition.ts";

export const sessionPattern = /^ses_[A-Za-z0-9]{1,64}$/;

/** Names the file in which all sessions are. */
export const databaseVariable = "OPENCODE_DB";

/** `folder`: the agent's own. */
export function ownDatabase(folder: string): string {
  return join(folder, "opencode.db");
}

export function databaseOf({ sessions, env }: OpencodeDefinition, folder: string): string {
  if (sessions === "own") return ownDatabase(folder);
  const inherited = (name: string) => env[name] ?? process.env[name];
  const data = inherited("XDG_DATA_HOME") ?? join(env["HOME"] ?? homedir(), ".local/share");
  return resolve(data, "opencode", inherited(databaseVariable) ?? "opencode.db");
}

/**
 * Whether a living process has the file of sessions open; null when the system does not tell. Which of its sessions it
 * shows is not known, so all of them count as held. Linux only.
 */
export async function isDatabaseOpen(path: string): Promise<boolean | null> {
  const names = await readdir("/proc").catch(() => null);
  if (names === null) return null;
  const held = names.filter((name) => /^\d+$/.test(name)).map((pid) => hasOpen(pid, path));
  return (await Promise.all(held)).includes(true);
}

/** Other users' processes do not tell, and cannot open what is private. */
async function hasOpen(pid: string, path: string): Promise<boolean> {
  const folder = `/proc/${pid}/fd`;
  const descriptors = await readdir(folder).catch(() => []);
  const targets = descriptors.map((descriptor) => readlink(join(folder, descriptor)).catch(() => ""));
  return (await Promise.all(targets)).includes(path);
}
