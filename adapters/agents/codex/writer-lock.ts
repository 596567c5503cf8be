import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { delay, systemClock } from "../../../runtime/clock.ts";
import { descendsFrom } from "../../terminals/process-table.ts";
import { sessionPattern } from "./home.ts";

/** Codex locks a file per session while a process may write it. The file outlives the lock. */
const locksFolder = "thread-writer-locks";

/** Process that may write the session; null when there is none. Throws when the system does not tell. */
export async function writerOf(codexHome: string, sessionId: string): Promise<number | null> {
  const path = join(codexHome, locksFolder, `${sessionId}.lock`);
  const file = await stat(path).catch(() => null);
  if (file === null) return null;
  return (await lockHolders()).get(file.ino) ?? null;
}

/** A killed Codex and its app-server hold their files for a moment longer. */
const dyingMs = 3_000;
const askAgainMs = 100;

/** Whether a living process may write the session, and keeps it. Throws when the system does not tell. */
export async function isHeld(codexHome: string, sessionId: string): Promise<boolean> {
  const until = systemClock.now() + dyingMs;
  for (;;) {
    const writer = await writerOf(codexHome, sessionId);
    if (writer === null || systemClock.now() >= until) return writer !== null;
    await delay(systemClock, askAgainMs);
  }
}

/** The session that the program, or a process below it, writes; the oldest, for its sub-agents have theirs. */
export async function sessionWrittenBy(codexHome: string, pid: number): Promise<string | null> {
  const files = await readdir(join(codexHome, locksFolder)).catch(() => []);
  const sessions = files
    .filter((name) => name.endsWith(".lock"))
    .map((name) => name.slice(0, -".lock".length));
  // Their ids begin with the time.
  for (const sessionId of sessions.filter((name) => sessionPattern.test(name)).toSorted()) {
    const writer = await writerOf(codexHome, sessionId);
    if (writer !== null && descendsFrom(writer, pid)) return sessionId;
  }
  return null;
}

/** Processes by the inode that they hold an exclusive lock on. Linux only. */
async function lockHolders(): Promise<Map<number, number>> {
  const holders = new Map<number, number>();
  for (const line of (await readFile("/proc/locks", "utf8")).split("\n")) {
    const [, , , mode, pid, place] = line.trim().split(/\s+/);
    const inode = place?.split(":")[2];
    if (mode === "WRITE" && inode !== undefined) holders.set(Number(inode), Number(pid));
  }
  return holders;
}
