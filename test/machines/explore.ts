import type { AnyStateMachine, AnyStateNode } from "xstate";
import { transitionIds } from "../../runtime/transitions.ts";
import {
  begin,
  dropsObsolete,
  movesAt,
  walk,
  type Model,
  type Move,
  type Position,
  type Walked,
} from "./model.ts";

/** Breadth-first walk over a chart's abstract states: every move of every state is taken once. */

export interface Vertex<Context> {
  key: string;
  position: Position<Context>;
  /** Moves from the beginning; a shortest path. */
  path: readonly Move[];
  states: readonly string[];
  /** Keys of the abstract states one move away. */
  next: Set<string>;
}

export interface Path {
  moves: readonly Move[];
  /** Active leaf states at the end. */
  states: readonly string[];
  /** The transition this path was kept for. */
  covers: string;
}

export interface Graph<Context> {
  vertices: ReadonlyMap<string, Vertex<Context>>;
  edges: number;
  /** Transition id → a shortest path whose last move takes it. */
  paths: ReadonlyMap<string, Path>;
  /** Leaf states that were active. */
  reached: ReadonlySet<string>;
  /** Moves after which a duplicate or a stale completion was not dropped. */
  doubled: readonly Move[];
}

export interface Exploration<Context> {
  /** More abstract states than this is a fault of the abstraction. */
  limit: number;
  /** Paths of so many moves are not followed any further. */
  depth?: number;
  /** Sees every step once. */
  visit?: (walked: Walked<Context>) => void;
}

export function explore<Context>(
  model: Model<Context>,
  { limit, depth = Infinity, visit = () => {} }: Exploration<Context>,
): Graph<Context> {
  const first = begin(model);
  const vertices = new Map<string, Vertex<Context>>();
  const paths = new Map<string, Path>();
  const doubled: Move[] = [];
  const queue: Vertex<Context>[] = [];
  let edges = 0;

  const arrive = (walked: Walked<Context>, moves: readonly Move[]): string => {
    visit(walked);
    const states = walked.step.states;
    for (const covers of walked.step.transitions) {
      if (!paths.has(covers)) paths.set(covers, { moves, states, covers });
    }
    const key = JSON.stringify(model.abstraction(walked.after));
    if (!vertices.has(key)) {
      if (vertices.size >= limit) throw new Error(`more than ${limit} abstract states, the latest is ${key}`);
      const vertex = { key, position: walked.after, path: moves, states, next: new Set<string>() };
      vertices.set(key, vertex);
      queue.push(vertex);
    }
    return key;
  };

  arrive(first, []);
  for (let vertex = queue.shift(); vertex !== undefined; vertex = queue.shift()) {
    if (vertex.path.length >= depth) continue;
    for (const move of movesAt(model, vertex.position)) {
      const walked = walk(model, vertex.position, move);
      edges += 1;
      if (!dropsObsolete(model, walked)) doubled.push(move);
      vertex.next.add(arrive(walked, [...vertex.path, move]));
    }
  }
  const reached = new Set([...vertices.values()].flatMap(({ states }) => states));
  return { vertices, edges, paths, reached, doubled };
}

/** Runs a path from the beginning, through the kernel. */
export function replay<Context>(model: Model<Context>, moves: readonly Move[]): Walked<Context>[] {
  const walked = [begin(model)];
  for (const move of moves) walked.push(walk(model, walked.at(-1)!.after, move));
  return walked;
}

export function untakenTransitions(machine: AnyStateMachine, graphs: readonly Graph<unknown>[]): string[] {
  const taken = new Set(graphs.flatMap(({ paths }) => [...paths.keys()]));
  return [...transitionIds(machine).values()].filter((id) => !taken.has(id));
}

export function unreachedStates(machine: AnyStateMachine, graphs: readonly Graph<unknown>[]): string[] {
  const reached = new Set(graphs.flatMap((graph) => [...graph.reached]));
  return leaves(machine.root).filter((id) => !reached.has(id));
}

/** States that no stay can be in: they are left in the same step. */
function isTransient(node: AnyStateNode): boolean {
  return (node.always ?? []).some(({ guard }) => guard === undefined);
}

function leaves(node: AnyStateNode): string[] {
  const children = Object.values(node.states);
  if (children.length > 0) return children.flatMap(leaves);
  return node.type === "history" || isTransient(node) ? [] : [node.id];
}

/** Abstract states that no move leaves, final ones excepted. */
export function deadEnds<Context>(graph: Graph<Context>): string[] {
  return [...graph.vertices.values()]
    .filter(({ key, next, position }) => isActive(position) && [...next].every((other) => other === key))
    .map(({ key }) => key);
}

function isActive({ record }: Position<unknown>): boolean {
  return record.snapshot["status"] === "active";
}
