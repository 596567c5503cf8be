import { readFileSync } from "node:fs";
import { join } from "node:path";
import { nodeFileName, type NodeFile } from "../node-messages.ts";

/** The node that `<home>/node.json` names, or null when there is none or it has ended without taking the file away. */
export function findRunningNode(home: string): NodeFile | null {
  const node = readNodeFile(home);
  return node !== null && isSameProcess(node) ? node : null;
}

/** What the file says, running or not; null when it is absent or not whole. */
export function readNodeFile(home: string): NodeFile | null {
  try {
    const node = JSON.parse(readFileSync(join(home, nodeFileName), "utf8")) as Partial<NodeFile> | null;
    const isWhole =
      typeof node?.url === "string" && Number.isSafeInteger(node.pid) && (node.pid as number) > 1;
    return isWhole ? (node as NodeFile) : null;
  } catch {
    return null;
  }
}

/** True while that very process lives: the same id and, where it can be told, the same start. */
export function isSameProcess({ pid, pidStartedAt }: Pick<NodeFile, "pid" | "pidStartedAt">): boolean {
  if (!exists(pid)) return false;
  const fields = statFields(pid);
  if (fields === null) return process.platform !== "linux";
  const [state] = fields;
  // Where nobody reaps orphans, a process that ended stays as a zombie.
  if (state === "Z" || state === "X") return false;
  return pidStartedAt === null || fields[19] === pidStartedAt;
}

function exists(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Fields 3 and on of `/proc/PID/stat`; field 2, the name, may hold spaces and brackets. Null where there is no /proc. */
function statFields(pid: number): string[] | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  } catch {
    return null;
  }
}
