/**
 * Finds the server of a living program by the program itself: its port is the one that this very process listens on, its
 * password the one that it was started with. Nothing has to be kept, a restarted node finds it again, and no stranger who
 * takes over a port is ever told the password. Linux only.
 */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { familyOf } from "../../terminals/process-table.ts";

export const passwordVariable = "OPENCODE_SERVER_PASSWORD";
const host = "127.0.0.1";
/** A port that the system chooses cannot be taken by somebody else meanwhile. */
export const serverArguments = ["--hostname", host, "--port", "0"];

export interface ServerAddress {
  url: string;
  password: string;
}

/** Null while it does not listen, or when the system does not tell. */
export function findServer(pid: number): ServerAddress | null {
  for (const candidate of familyOf(pid)) {
    // What it runs for its model inherits the environment, and may listen, too.
    if (!`\0${read(candidate, "cmdline")}`.includes(`\0${serverArguments.join("\0")}\0`)) continue;
    const port = listeningPort(candidate);
    const password = startVariable(candidate, passwordVariable);
    if (port !== null && password !== null) return { url: `http://${host}:${port}`, password };
  }
  return null;
}

/** What a variable was when the program started; null when it had none. */
export function startVariable(pid: number, name: string): string | null {
  const found = read(pid, "environ")
    .split("\0")
    .find((line) => line.startsWith(`${name}=`));
  return found?.slice(name.length + 1) ?? null;
}

/** 127.0.0.1 as the kernel prints it. */
const loopback = "0100007F";
const listening = "0A";

function listeningPort(pid: number): number | null {
  const inodes = socketsOf(pid);
  for (const line of read(pid, "net/tcp").split("\n")) {
    const fields = line.trim().split(/\s+/);
    const [address, port] = (fields[1] ?? "").split(":");
    if (address !== loopback || fields[3] !== listening || !inodes.has(fields[9] ?? "")) continue;
    return Number.parseInt(port ?? "", 16);
  }
  return null;
}

function socketsOf(pid: number): Set<string> {
  const folder = `/proc/${pid}/fd`;
  return new Set(orNone(() => readdirSync(folder)).flatMap((name) => inodeOf(`${folder}/${name}`)));
}

function inodeOf(descriptor: string): string[] {
  const [, inode] = orNone(() => /^socket:\[(\d+)\]$/.exec(readlinkSync(descriptor)) ?? []);
  return inode === undefined ? [] : [inode];
}

function read(pid: number, name: string): string {
  return orNone(() => [readFileSync(`/proc/${pid}/${name}`, "utf8")])[0] ?? "";
}

/** A process may end between two looks. */
function orNone(look: () => readonly string[]): readonly string[] {
  try {
    return look();
  } catch {
    return [];
  }
}
