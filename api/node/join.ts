import { readFileSync, readlinkSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { processStartedAt } from "../../adapters/terminals/process-table.ts";
import { isRouseError, type RouseError } from "../../runtime/errors.ts";
import type { Node } from "../../runtime/node.ts";
import type { NodeHolder, NodeProcess } from "../../runtime/store.ts";

/** How a process of this host takes its node's id, also from one that was killed. */

/** Undefined where /proc does not tell: then others have to wait until our beat is stale. */
export function ownProcess(): NodeProcess | undefined {
  const place = ownPlace();
  const pidStartedAt = processStartedAt(process.pid);
  return place === null || pidStartedAt === null ? undefined : { place, pid: process.pid, pidStartedAt };
}

/** A pid means something only within one boot and one pid namespace: a host's name alone may be shared by containers. */
function ownPlace(): string | null {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${readlinkSync("/proc/self/ns/pid")}`;
  } catch {
    return null;
  }
}

/** Null when it cannot be told from here. */
function isAlive({ process: holder }: Pick<NodeHolder, "process">): boolean | null {
  if (holder === null || holder.place !== ownPlace()) return null;
  return processStartedAt(holder.pid) === holder.pidStartedAt;
}

export function isGone(holder: NodeHolder): boolean {
  return isAlive(holder) === false;
}

const lookAgainMs = 500;

/**
 * Resolves when the id is ours. A holder that can be seen to be alive is refused at once, one that can be seen to be gone is
 * replaced at once; of any other it is waited for its next beat, or that it is silent for so long that it counts as lost.
 * Throws `node_id_taken`.
 */
export async function joinOthers(
  node: Pick<Node, "join">,
  { onProgress, nodeLostMs }: { onProgress: (step: string) => void; nodeLostMs: number },
): Promise<void> {
  let before: NodeHolder | null = null;
  for (;;) {
    const refusal = await tryJoin(node);
    if (refusal === null) return;
    const holder = refusal.details as Record<keyof NodeHolder, never> as NodeHolder;
    const wasHeard =
      before !== null && (holder.instance !== before.instance || holder.silentMs < before.silentMs);
    if (wasHeard || isAlive(holder) === true) throw refusal;
    if (before === null) onProgress(waitingText(holder, nodeLostMs));
    before = holder;
    await pause(lookAgainMs);
  }
}

async function tryJoin(node: Pick<Node, "join">): Promise<RouseError | null> {
  try {
    await node.join();
    return null;
  } catch (error) {
    if (isRouseError(error, "node_id_taken")) return error;
    throw error;
  }
}

function waitingText({ host, silentMs }: NodeHolder, nodeLostMs: number): string {
  const leftS = Math.max(1, Math.ceil((nodeLostMs - silentMs) / 1_000));
  return `Waiting up to ${leftS} s for the earlier process of this node on ${host}: to be heard of, or to count as lost`;
}
