import { type TerminalClock, sleep } from "./clock.ts";
import { processStartedAt } from "./process-table.ts";

const checkEveryMs = 15;
const afterKillMs = 2_000;

/** Asks by SIGHUP, insists by SIGKILL after `graceMs`. Returns once the process is gone; touches no reused pid. */
export async function endProcess(target: {
  pid: number;
  startedAt: string;
  graceMs: number;
  clock: TerminalClock;
}) {
  const isThere = () => processStartedAt(target.pid) === target.startedAt;
  for (const [signal, waitMs] of [
    ["SIGHUP", target.graceMs],
    ["SIGKILL", afterKillMs],
  ] as const) {
    if (!isThere()) return;
    signalProcess(target.pid, signal);
    const deadline = target.clock.now() + waitMs;
    while (isThere() && target.clock.now() < deadline) await sleep(target.clock, checkEveryMs);
  }
}

/** A process that is gone takes no signal, and that is fine. */
export function signalProcess(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // ESRCH.
  }
}
