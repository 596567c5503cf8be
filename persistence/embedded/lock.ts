import { randomUUID } from "node:crypto";
import { link, readFile, rename, unlink, writeFile } from "node:fs/promises";
import path from "node:path";

import { RouseError } from "../../runtime/errors.ts";
import { birthMark, isAlive, isErrno, waitFor } from "./process.ts";

interface Holder {
  pid: number;
  born: string | null;
}

/**
 * Runs `work` while holding the lock file of `dir`, so that processes starting at once do one initdb and one start.
 * A lock whose holder died (or whose process id now belongs to a stranger) is broken. Two processes could in theory
 * break the same stale lock; nothing is lost then, because Postgres' own postmaster.pid and the atomic rename of a new
 * data folder decide who wins.
 * @throws RouseError database_unavailable when a living process holds the lock for longer than `deadlineMs`.
 */
export async function withLock<T>(dir: string, deadlineMs: number, work: () => Promise<T>): Promise<T> {
  const file = path.join(dir, "lock");
  const mine = JSON.stringify({ pid: process.pid, born: await birthMark(process.pid), token: randomUUID() });
  const held = await waitFor(async () => ((await tryTake(file, mine)) ? true : null), deadlineMs);
  if (held === null) throw await lockTimeout(file);
  try {
    return await work();
  } finally {
    if ((await read(file)) === mine) await unlink(file);
  }
}

async function tryTake(file: string, mine: string): Promise<boolean> {
  const draft = `${file}.${process.pid}.${randomUUID()}`;
  // Linked into place complete: a reader never sees a lock without its holder.
  await writeFile(draft, mine, { mode: 0o600 });
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (!isErrno(error, "EEXIST")) throw error;
  } finally {
    await unlink(draft);
  }
  const seen = await read(file);
  if (seen !== null && !(await isHeld(seen))) await breakStale(file, seen);
  return false;
}

async function breakStale(file: string, seen: string): Promise<void> {
  const aside = `${file}.stale.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (isErrno(error, "ENOENT")) return;
    throw error;
  }
  // Somebody else was quicker and a living lock was moved away: put it back.
  if ((await read(aside)) !== seen) await link(aside, file).catch(() => undefined);
  await unlink(aside);
}

async function isHeld(content: string): Promise<boolean> {
  const holder = parse(content);
  if (holder === null || !(await isAlive(holder.pid))) return false;
  return holder.born === null || holder.born === (await birthMark(holder.pid));
}

function parse(content: string): Holder | null {
  try {
    const value: unknown = JSON.parse(content);
    if (typeof value !== "object" || value === null || !("pid" in value) || typeof value.pid !== "number")
      return null;
    return { pid: value.pid, born: "born" in value && typeof value.born === "string" ? value.born : null };
  } catch {
    return null;
  }
}

async function read(file: string): Promise<string | null> {
  return readFile(file, "utf8").catch(() => null);
}

async function lockTimeout(file: string): Promise<RouseError> {
  const holder = parse((await read(file)) ?? "");
  return new RouseError(
    "database_unavailable",
    `Another process${holder === null ? "" : ` (${holder.pid})`} has been starting or stopping the database for too long.`,
    { nextStep: `Wait for it or end it, then try again; the lock is ${file}.`, details: { lock: file } },
  );
}
