import { compare, type Scope } from "./state.ts";

/** Returns the other hosts of which no node was heard for `lostAfterMs`. */
export function beatNode(
  { state, now }: Scope,
  { nodeId, host, lostAfterMs }: { nodeId: string; host: string; lostAfterMs: number },
): { lost: string[] } {
  state.nodes.put(nodeId, { nodeId, host, beatAt: now });
  const others = state.nodes.values().filter((node) => node.host !== host);
  const heard = new Set(others.filter(({ beatAt }) => beatAt > now - lostAfterMs).map((node) => node.host));
  const lost = new Set(others.map((node) => node.host).filter((other) => !heard.has(other)));
  return { lost: [...lost].toSorted(compare) };
}
