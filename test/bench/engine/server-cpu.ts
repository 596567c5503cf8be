import { readFileSync, readdirSync } from "node:fs";
import type { Database } from "../../../persistence/postgres/connect.ts";

/** Processor time in ms that all processes of the server have used so far; null when it runs elsewhere. */
export async function serverCpuMs({ sql }: Database): Promise<number | null> {
  const [row] = await sql`select pg_backend_pid() as pid`;
  const backend = usage(Number(row?.["pid"]));
  if (backend === null) return null;
  const processes = readdirSync("/proc").filter((name) => /^\d+$/u.test(name));
  let ticks = usage(backend.parent)?.withEnded ?? 0;
  for (const pid of processes) {
    const found = usage(Number(pid));
    if (found?.parent === backend.parent) ticks += found.own;
  }
  // The kernel counts in hundredths of a second.
  return ticks * 10;
}

/** Processor time in ms that one process has used so far; null when it runs elsewhere or has ended. */
export function processCpuMs(pid: number): number | null {
  const found = usage(pid);
  return found === null ? null : found.own * 10;
}

/** https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html */
function usage(pid: number): { parent: number; own: number; withEnded: number } | null {
  let text: string;
  try {
    text = readFileSync(`/proc/${pid}/stat`, "utf8");
  } catch {
    return null;
  }
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .split(" ")
    .map(Number);
  const [parent = 0, user = 0, system = 0, endedUser = 0, endedSystem = 0] = [1, 11, 12, 13, 14].map(
    (index) => fields[index] ?? 0,
  );
  return { parent, own: user + system, withEnded: user + system + endedUser + endedSystem };
}
