/** Facts about processes from Linux's /proc. */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { basename } from "node:path";

interface ProcessStat {
  state: string;
  parent: number;
  processGroup: number;
  terminalForegroundGroup: number;
  /** Clock ticks since boot. */
  startedAt: string;
}

/** Shells that mean "nobody is in there" when they are the foreground program. */
export const knownShells: readonly string[] = [
  "sh",
  "bash",
  "dash",
  "ash",
  "zsh",
  "fish",
  "ksh",
  "mksh",
  "csh",
  "tcsh",
  "nu",
  "pwsh",
];

/** Kernel start time of a living process (`/proc/PID/stat` field 22), or null when it is gone or a zombie. */
export function processStartedAt(pid: number): string | null {
  const stat = readStat(pid);
  return stat === null || stat.state === "Z" || stat.state === "X" ? null : stat.startedAt;
}

/**
 * Name of the program in front on the terminal whose session `pid` leads. Behind a wrapper script the group's leader is
 * a shell although an agent runs: then the newest other member of the foreground group is named.
 */
export function foregroundOf(pid: number): string {
  const group = readStat(pid)?.terminalForegroundGroup ?? -1;
  const leader = group > 0 ? programName(group) : programName(pid);
  if (leader !== "" && !knownShells.includes(leader)) return leader;
  return newestProgramOfGroup(group) ?? leader;
}

/** The folder that a living process works in, `/` when that cannot be told. */
export function workingFolderOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return "/";
  }
}

/** Whether `pid` is `ancestor` or descends from it. */
export function descendsFrom(pid: number, ancestor: number): boolean {
  for (let current = pid; current > 1; current = readStat(current)?.parent ?? 0) {
    if (current === ancestor) return true;
  }
  return false;
}

/** `pid` and the processes that descend from it, parents first. */
export function familyOf(pid: number): number[] {
  const children = Map.groupBy(listPids(), (each) => readStat(each)?.parent ?? 0);
  const family = [pid];
  // It grows while it is walked.
  for (const member of family) family.push(...(children.get(member) ?? []));
  return family;
}

function newestProgramOfGroup(group: number): string | null {
  if (group <= 0) return null;
  let newest: { name: string; startedAt: bigint } | null = null;
  for (const pid of listPids()) {
    const stat = readStat(pid);
    if (stat === null || stat.processGroup !== group) continue;
    const name = programName(pid);
    if (name === "" || knownShells.includes(name)) continue;
    const startedAt = BigInt(stat.startedAt);
    if (newest === null || startedAt >= newest.startedAt) newest = { name, startedAt };
  }
  return newest?.name ?? null;
}

function listPids(): number[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

function programName(pid: number): string {
  const commandLine = readText(`/proc/${pid}/cmdline`);
  const program = commandLine?.split("\0", 1)[0] ?? "";
  // A login shell calls itself `-bash`.
  return basename(program).replace(/^-/, "");
}

function readStat(pid: number): ProcessStat | null {
  const text = readText(`/proc/${pid}/stat`);
  if (text === null) return null;
  // The second field is the name in parentheses and may itself contain spaces and parentheses.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const [state, parent, processGroup, , , terminalForegroundGroup] = fields;
  const startedAt = fields[19];
  if (state === undefined || startedAt === undefined) return null;
  return {
    state,
    parent: Number(parent),
    processGroup: Number(processGroup),
    terminalForegroundGroup: Number(terminalForegroundGroup),
    startedAt,
  };
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // Gone between two looks, or never there: both mean there is no such process.
    return null;
  }
}
