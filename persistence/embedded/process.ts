import { execFile } from "node:child_process";
import { readFile, readdir, readlink } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";

/** True when the process exists and is not a zombie: a container without an init never reaps the orphaned postmaster. */
export async function isAlive(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 0);
  } catch (error) {
    return isErrno(error, "EPERM");
  }
  return (await processState(pid)) !== "Z";
}

/** A mark that differs between two processes that had the same id one after the other; null when it can't be told. */
export async function birthMark(pid: number): Promise<string | null> {
  if (process.platform !== "linux") return outputOf("ps", ["-o", "lstart=", "-p", String(pid)]);
  const fields = await statFields(pid);
  const bootId = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  return fields === null ? null : `${bootId.trim()}:${fields[19] ?? ""}`;
}

/** Every server process changes into its data folder, so the working directory tells ours from a stranger that got the id. */
export async function runsIn(pid: number, dataDir: string): Promise<boolean> {
  if (!(await isAlive(pid))) return false;
  if (process.platform === "linux") return (await readlink(`/proc/${pid}/cwd`).catch(() => null)) === dataDir;
  return ((await outputOf("ps", ["-o", "command=", "-p", String(pid)])) ?? "").includes(dataDir);
}

/** Ids of the living processes that run in `dataDir`. Empty where the platform has no /proc. */
export async function processesIn(dataDir: string): Promise<number[]> {
  if (process.platform !== "linux") return [];
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/u.test(name)).map(Number);
  const inside = await Promise.all(pids.map(async (pid) => ((await runsIn(pid, dataDir)) ? [pid] : [])));
  return inside.flat();
}

/** Polls `condition` every 20 ms until it gives a value other than null; null after `deadlineMs`. */
export async function waitFor<T>(condition: () => Promise<T | null>, deadlineMs: number): Promise<T | null> {
  const end = performance.now() + deadlineMs;
  for (;;) {
    const value = await condition();
    if (value !== null) return value;
    if (performance.now() >= end) return null;
    await delay(20);
  }
}

export function isErrno(error: unknown, ...codes: string[]): error is NodeJS.ErrnoException {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}

async function processState(pid: number): Promise<string | null> {
  if (process.platform === "linux") return (await statFields(pid))?.[0] ?? null;
  return ((await outputOf("ps", ["-o", "state=", "-p", String(pid)])) ?? "").slice(0, 1);
}

/** The fields of /proc/PID/stat after the command name, which may itself contain spaces and brackets. */
async function statFields(pid: number): Promise<string[] | null> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  return stat === null ? null : stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

function outputOf(command: string, args: string[]): Promise<string | null> {
  return new Promise((resolve) => {
    execFile(command, args, (error, stdout) => resolve(error === null ? stdout.trim() : null));
  });
}
