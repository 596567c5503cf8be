/**
 * Claude Code's own word on its living sessions: one file `sessions/<pid>.json` a process in its configuration folder.
 * It has no lock: a session that is resumed while it is open elsewhere silently diverges.
 */
import { readFileSync, readlinkSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { processStartedAt } from "../../terminals/process-table.ts";
import { outlastDying } from "../outlast-dying.ts";
import { orWhenMissing } from "../when-missing.ts";

const sessionFile = z.object({
  pid: z.int(),
  /** As field 22 of `/proc/PID/stat`. */
  procStart: z.string(),
  /** Machine and process-id namespace that `pid` belongs to. */
  pidDomain: z.string().optional(),
  sessionId: z.string(),
  /** `idle`, `busy` or `waiting`, once the program has started. */
  status: z.string().optional(),
  /** What a waiting program waits for, such as `permission prompt`. */
  waitingFor: z.string().optional(),
});
export type SessionFile = z.infer<typeof sessionFile>;

export function sessionsFolder(configFolder: string): string {
  return join(configFolder, "sessions");
}

/** Null stands for a file that cannot be understood, perhaps because it is being written. */
export async function readSessionFiles(configFolder: string): Promise<(SessionFile | null)[]> {
  const folder = sessionsFolder(configFolder);
  const names = await readdir(folder).catch(orWhenMissing<string[]>([]));
  const files = names.filter((name) => /^\d+\.json$/.test(name)).map((name) => join(folder, name));
  const found = await Promise.all(files.map(readSessionFile));
  return found.filter((file) => file !== "gone");
}

async function readSessionFile(path: string): Promise<SessionFile | null | "gone"> {
  const text = await readFile(path, "utf8").catch(orWhenMissing("gone" as const));
  if (text === "gone") return text;
  try {
    return sessionFile.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Null when its process lives where we cannot see it: in another container, or on another machine. */
export function isAlive({ pid, procStart, pidDomain }: SessionFile): boolean | null {
  if (pidDomain !== undefined && pidDomain !== ownDomain()) return null;
  return processStartedAt(pid) === procStart;
}

/** Whether a living process has the session open, and keeps it; null when that cannot be told. */
export function isSessionOpen(configFolder: string, sessionId: string): Promise<boolean | null> {
  return outlastDying(() => isOpenNow(configFolder, sessionId));
}

async function isOpenNow(configFolder: string, sessionId: string): Promise<boolean | null> {
  const files = await readSessionFiles(configFolder);
  if (files.includes(null)) return null;
  const standings = files.flatMap((file) => (file?.sessionId === sessionId ? [isAlive(file)] : []));
  if (standings.includes(true)) return true;
  return standings.includes(null) ? null : false;
}

/** Null where the machine has no id: then no process can be told to be of this machine. */
function ownDomain(): string | null {
  try {
    const machine = readFileSync("/etc/machine-id", "utf8").trim();
    return `linux:${machine}:${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return null;
  }
}
