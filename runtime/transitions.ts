import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from "xstate";

const known = new WeakMap<AnyStateMachine, Map<object, string>>();

/** Stable ids of all transitions of a chart: `<state id> <event>#<index>`; `always` for eventless ones. */
export function transitionIds(machine: AnyStateMachine): ReadonlyMap<object, string> {
  const found = known.get(machine);
  if (found !== undefined) return found;
  const ids = new Map<object, string>();
  collect(machine.root, ids);
  known.set(machine, ids);
  return ids;
}

function collect(node: AnyStateNode, ids: Map<object, string>): void {
  for (const [eventType, transitions] of node.transitions) name(node, eventType, transitions, ids);
  name(node, "always", node.always ?? [], ids);
  for (const child of Object.values(node.states)) collect(child, ids);
}

function name(
  node: AnyStateNode,
  eventType: string,
  transitions: readonly object[],
  ids: Map<object, string>,
): void {
  for (const [index, transition] of transitions.entries())
    ids.set(transition, `${node.id} ${eventType}#${index}`);
}

/** Ids of the active states that have no active child, in document order. */
export function activeStates(snapshot: AnyMachineSnapshot): string[] {
  return nodesOf(snapshot)
    .filter((node) => node.type !== "compound" && node.type !== "parallel")
    .toSorted((a, b) => a.order - b.order)
    .map((node) => node.id);
}

/** XState's own list of active nodes; the kernel's contract test guards it. */
export function nodesOf(snapshot: AnyMachineSnapshot): readonly AnyStateNode[] {
  return (snapshot as unknown as { _nodes: AnyStateNode[] })._nodes;
}
