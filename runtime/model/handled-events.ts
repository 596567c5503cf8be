import type { Chart } from "../../machines/registry.ts";

type StateNode = Chart["root"];

/** Event types, wildcards included, that the active states handle, innermost first; XState's own are left out. */
export function handledEvents(machine: Chart, stand: { value: unknown; context: unknown }): string[] {
  const snapshot: object = machine.resolveState({ value: stand.value as string, context: stand.context });
  // `_nodes` is XState's own list of active nodes; the kernel's contract test guards it.
  const { _nodes: nodes } = snapshot as { _nodes: StateNode[] };
  const leaves = nodes.filter(({ type }) => type === "atomic" || type === "final");
  const types = leaves.flatMap(outwards).flatMap(({ transitions }) => [...transitions.keys()].map(String));
  return [...new Set(types)].filter((type) => type !== "" && !type.startsWith("xstate."));
}

function outwards(node: StateNode): StateNode[] {
  return node.parent === undefined ? [node] : [node, ...outwards(node.parent)];
}
