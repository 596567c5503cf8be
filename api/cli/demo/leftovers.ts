import { readdir, readFile } from "node:fs/promises";

/** Processes that belong to a folder: its path stands in their command line or their environment. */
async function processesOf(folder: string): Promise<{ pid: number; command: string }[]> {
  const pids = (await readdir("/proc").catch(() => [])).filter((name) => /^\d+$/.test(name)).map(Number);
  const found = await Promise.all(
    pids.filter((pid) => pid !== process.pid).map((pid) => describe(pid, folder)),
  );
  return found.filter((entry) => entry !== null);
}

async function describe(pid: number, folder: string): Promise<{ pid: number; command: string } | null> {
  const [command, environment] = await Promise.all(
    ["cmdline", "environ"].map((file) => readFile(`/proc/${pid}/${file}`, "utf8").catch(() => "")),
  );
  const belongs = [command, environment].some((text) => text?.includes(folder) === true);
  return belongs ? { pid, command: (command ?? "").replaceAll("\0", " ").trim() } : null;
}

/** Agents' programs that run below the folder: one process each. */
export async function programsOf(folder: string): Promise<number[]> {
  const found = await processesOf(folder);
  return found.filter(({ command }) => /scripted\/program\.[jt]s /.test(command)).map(({ pid }) => pid);
}

/**
 * The last sweep of a folder that is ours alone: what ended in good order is not met here. Returns what does not even
 * end by SIGKILL. Does nothing where there is no /proc.
 */
export async function endProcessesOf(folder: string): Promise<string[]> {
  for (const signal of ["SIGTERM", "SIGTERM", "SIGKILL", "SIGKILL"] as const) {
    const left = await processesOf(folder);
    if (left.length === 0) return [];
    for (const { pid } of left) end(pid, signal);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
  return (await processesOf(folder)).map(({ pid, command }) => `${pid} ${command}`);
}

function end(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch {
    // It ended meanwhile, or is not ours to end; the next look tells.
  }
}
