import type { Chart } from "../../machines/registry.ts";

type StateNode = Chart["root"];
type Transition = NonNullable<StateNode["always"]>[number];

/** What a chart's shape alone tells, whatever its guards answer. */

/** States that no transition leads to, outermost only: what lies in them is unreachable as well. */
export function unreachableStates({ root }: Chart): string[] {
  const entered = new Set<StateNode>();
  enter(root, entered);
  for (let size = 0; size !== entered.size;) {
    size = entered.size;
    for (const node of [...entered]) for (const target of targetsOf(node)) enter(target, entered);
  }
  return outermostMissing(root, entered);
}

/** Each circle of unguarded `always` once, as the ids of its states: whoever enters it never comes to rest. */
export function certainCircles({ root }: Chart): string[][] {
  const circles: string[][] = [];
  const known = new Set<StateNode>();
  for (const start of below(root)) {
    const trail: StateNode[] = [];
    let node: StateNode | undefined = start;
    while (node !== undefined && !known.has(node) && !trail.includes(node)) {
      trail.push(node);
      node = certainNext(node);
    }
    if (node !== undefined && trail.includes(node)) {
      circles.push(trail.slice(trail.indexOf(node)).map(({ id }) => id));
    }
    for (const each of trail) known.add(each);
  }
  return circles;
}

function certainNext(node: StateNode): StateNode | undefined {
  const [first] = node.always ?? [];
  return first !== undefined && first.guard === undefined ? first.target?.[0] : undefined;
}

function enter(node: StateNode, entered: Set<StateNode>): void {
  for (let up: StateNode | undefined = node; up !== undefined; up = up.parent) {
    if (entered.has(up)) continue;
    entered.add(up);
    // Entering a region from outside enters its siblings by their own beginnings.
    if (up.type === "parallel") for (const region of Object.values(up.states)) enter(region, entered);
  }
  for (const child of beginningsOf(node)) if (!entered.has(child)) enter(child, entered);
}

function beginningsOf(node: StateNode): readonly StateNode[] {
  if (node.type === "parallel") return Object.values(node.states);
  if (node.type === "history") return historyTargets(node);
  return node.type === "compound" ? (node.initial.target ?? []) : [];
}

/** Without a target of its own a history state first leads where its parent begins. */
function historyTargets(node: StateNode): readonly StateNode[] {
  const [given] = [...node.transitions.values()].flat();
  return given?.target ?? node.parent?.initial.target ?? [];
}

function targetsOf(node: StateNode): StateNode[] {
  const transitions: Transition[] = [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
  return transitions.flatMap(({ target }) => target ?? []);
}

function outermostMissing(node: StateNode, entered: ReadonlySet<StateNode>): string[] {
  if (!entered.has(node)) return [node.id];
  return Object.values(node.states).flatMap((child) => outermostMissing(child, entered));
}

function below(node: StateNode): StateNode[] {
  return [node, ...Object.values(node.states).flatMap(below)];
}
