import { silentNodeKeptMs, type NodeBeat, type NodeIdentity, type StoredNode } from "../../runtime/store.ts";
import { nodeIdTaken } from "../node-taken.ts";
import { openEffects } from "./effects.ts";
import { compare, type Scope } from "./state.ts";

/** Returns the other hosts of which no node was heard for `lostAfterMs`. Throws `node_id_taken`. */
export function beatNode(
  { state, now }: Scope,
  { lostAfterMs, replaces, ...beat }: NodeBeat & { lostAfterMs: number; replaces?: string },
): { lost: string[] } {
  const before = state.nodes.get(beat.nodeId);
  const isOwn = before?.instance === beat.instance;
  if (before !== undefined && !isOwn && before.instance !== replaces && before.beatAt > now - lostAfterMs) {
    const { instance, host, process } = before;
    throw nodeIdTaken(beat.nodeId, { instance, host, process, silentMs: now - before.beatAt });
  }
  state.nodes.put(beat.nodeId, { ...beat, startedAt: isOwn ? before.startedAt : now, beatAt: now });
  for (const { nodeId, host, beatAt } of state.nodes.values())
    if (host === beat.host && beatAt <= now - silentNodeKeptMs) state.nodes.delete(nodeId);
  const others = state.nodes.values().filter((node) => node.host !== beat.host);
  const heard = new Set(others.filter(({ beatAt }) => beatAt > now - lostAfterMs).map(({ host }) => host));
  const silent = others.map(({ host }) => host).filter((host) => !heard.has(host));
  return { lost: [...new Set(silent)].toSorted(compare) };
}

export function forgetHost(
  { state, now }: Scope,
  { host, lostAfterMs }: { host: string; lostAfterMs: number },
): boolean {
  const nodes = state.nodes.values().filter((node) => node.host === host);
  if (nodes.some(({ beatAt }) => beatAt > now - lostAfterMs)) return false;
  for (const { nodeId } of nodes) state.nodes.delete(nodeId);
  return nodes.length > 0;
}

export function removeNode({ state }: Scope, { nodeId, instance }: NodeIdentity): void {
  if (state.nodes.get(nodeId)?.instance === instance) state.nodes.delete(nodeId);
}

export function listNodes({ state }: Scope): StoredNode[] {
  const running = openEffects(state).filter(({ status }) => status === "running");
  return state.nodes
    .values()
    .toSorted((a, b) => compare(a.nodeId, b.nodeId))
    .map((node) => ({
      ...node,
      effectsInHand: running.filter(({ nodeId }) => nodeId === node.nodeId).length,
    }));
}
