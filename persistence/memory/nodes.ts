import { compare, type Scope } from "./state.ts";

/** Returns the other hosts of which no node was heard for `lostAfterMs`, and forgets their nodes. */
export function beatNode(
  { state, now }: Scope,
  { nodeId, host, lostAfterMs }: { nodeId: string; host: string; lostAfterMs: number },
): { lost: string[] } {
  state.nodes.put(nodeId, { nodeId, host, beatAt: now });
  const others = state.nodes.values().filter((node) => node.host !== host);
  const heard = new Set(others.filter(({ beatAt }) => beatAt > now - lostAfterMs).map((node) => node.host));
  const silent = others.filter((node) => !heard.has(node.host));
  for (const node of silent) state.nodes.delete(node.nodeId);
  return { lost: [...new Set(silent.map((node) => node.host))].toSorted(compare) };
}
