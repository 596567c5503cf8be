import type { AnyStateMachine, AnyStateNode } from "xstate";

/**
 * Whether a stored state is one of this chart's. XState asks too little when it restores: it fills in a parallel
 * state's missing region without entering it, and takes a compound state without a child for active.
 */

/** Throws an error that names the first state at fault. */
export function requireStateOf(machine: AnyStateMachine, snapshot: Record<string, unknown>): void {
  requireValue(machine.root, snapshot["value"]);
  const history = (snapshot["historyValue"] ?? {}) as Record<string, readonly { id: string }[]>;
  for (const id of Object.entries(history).flatMap(([key, states]) => [
    key,
    ...states.map((state) => state.id),
  ])) {
    if (!hasState(machine.root, id))
      throw new Error(`the history names ${id}, which the chart does not have`);
  }
  if (snapshot["status"] === "active" && isAtEnd(machine.root, snapshot["value"])) {
    throw new Error(`${String(snapshot["value"])} ends the chart, but the actor has not ended`);
  }
}

function requireValue(node: AnyStateNode, value: unknown): void {
  if (node.type === "parallel") return requireRegions(node, value);
  if (node.type !== "compound") {
    const isEmpty = isObject(value) && Object.keys(value).length === 0;
    if (!isEmpty)
      throw new Error(`state ${node.id} has no states of its own, such as ${JSON.stringify(value)}`);
    return;
  }
  const entries =
    typeof value === "string" ? [[value, {}] as const] : isObject(value) ? Object.entries(value) : [];
  const [only] = entries;
  if (only === undefined || entries.length > 1)
    throw new Error(`exactly one state of ${node.id} must be active, not ${JSON.stringify(value)}`);
  requireValue(childOf(node, only[0]), only[1]);
}

function requireRegions(node: AnyStateNode, value: unknown): void {
  const given = isObject(value) ? value : {};
  for (const key of Object.keys(given)) childOf(node, key);
  for (const [key, child] of Object.entries(node.states)) {
    if (child.type === "history") continue;
    if (!(key in given)) throw new Error(`region ${child.id} is missing`);
    requireValue(child, given[key]);
  }
}

function childOf(node: AnyStateNode, key: string): AnyStateNode {
  const child = node.states[key];
  if (child === undefined || child.type === "history")
    throw new Error(`state ${node.id} has no state ${key}`);
  return child;
}

function isAtEnd(root: AnyStateNode, value: unknown): boolean {
  return root.type === "compound" && typeof value === "string" && root.states[value]?.type === "final";
}

function hasState(node: AnyStateNode, id: string): boolean {
  return node.id === id || Object.values(node.states).some((child) => hasState(child, id));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
