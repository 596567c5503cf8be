import type { Chart } from "../../machines/registry.ts";
import { transitionIds } from "../transitions.ts";
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
  /** False where the walk stopped: what follows is not known. */
  followed: boolean;
}

/** The kernel refused a move: the chart threw, or asked for what is not durable. */
export interface Refusal<Context> {
  /** Null at the creation. */
  vertex: Vertex<Context> | null;
  move: Move | null;
  error: unknown;
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
  /** False when the limit ended the walk. */
  isWhole: boolean;
}

export interface Exploration<Context> {
  /** Abstract states to find at most. */
  limit: number;
  /** Reaching the limit is a fault of the abstraction (`throw`, the default), or the end of the walk. */
  atLimit?: "throw" | "stop";
  /** Paths of so many moves are not followed any further. */
  depth?: number;
  /** Sees every step once. */
  visit?: (walked: Walked<Context>) => void;
  /** Absent: a refused move ends the walk with its error. */
  onRefusal?: (refusal: Refusal<Context>) => void;
}

export function explore<Context>(model: Model<Context>, options: Exploration<Context>): Graph<Context> {
  const walk = new Exploring(model, options);
  walk.begin();
  for (let vertex = walk.nextVertex(); vertex !== undefined; vertex = walk.nextVertex()) walk.follow(vertex);
  return walk.graph();
}

class Exploring<Context> {
  readonly #model: Model<Context>;
  readonly #options: Exploration<Context>;
  readonly #vertices = new Map<string, Vertex<Context>>();
  readonly #paths = new Map<string, Path>();
  readonly #doubled: Move[] = [];
  readonly #queue: Vertex<Context>[] = [];
  #edges = 0;
  #isFull = false;

  constructor(model: Model<Context>, options: Exploration<Context>) {
    this.#model = model;
    this.#options = options;
  }

  begin(): void {
    const walked = this.#attempt(null, null, () => begin(this.#model));
    if (walked !== null) this.#arrive(walked, []);
  }

  nextVertex(): Vertex<Context> | undefined {
    return this.#isFull ? undefined : this.#queue.shift();
  }

  follow(vertex: Vertex<Context>): void {
    const { depth = Infinity } = this.#options;
    if (vertex.path.length >= depth) return;
    vertex.followed = true;
    for (const move of movesAt(this.#model, vertex.position)) {
      const walked = this.#attempt(vertex, move, () => walk(this.#model, vertex.position, move));
      if (walked === null) continue;
      this.#edges += 1;
      if (!dropsObsolete(this.#model, walked)) this.#doubled.push(move);
      const key = this.#arrive(walked, [...vertex.path, move]);
      if (key !== null) vertex.next.add(key);
      else vertex.followed = false;
    }
  }

  graph(): Graph<Context> {
    const vertices = this.#vertices;
    const reached = new Set([...vertices.values()].flatMap(({ states }) => states));
    return {
      vertices,
      edges: this.#edges,
      paths: this.#paths,
      reached,
      doubled: this.#doubled,
      isWhole: !this.#isFull,
    };
  }

  #attempt(
    vertex: Vertex<Context> | null,
    move: Move | null,
    work: () => Walked<Context>,
  ): Walked<Context> | null {
    const { onRefusal } = this.#options;
    try {
      return work();
    } catch (error) {
      if (onRefusal === undefined) throw error;
      onRefusal({ vertex, move, error });
      return null;
    }
  }

  /** The key of where the step ended; null when there is no room for it. */
  #arrive(walked: Walked<Context>, moves: readonly Move[]): string | null {
    const { limit, atLimit = "throw", visit } = this.#options;
    visit?.(walked);
    const { states, transitions } = walked.step;
    for (const covers of transitions) {
      if (!this.#paths.has(covers)) this.#paths.set(covers, { moves, states, covers });
    }
    const key = JSON.stringify(this.#model.abstraction(walked.after));
    if (this.#vertices.has(key)) return key;
    if (this.#vertices.size >= limit) {
      if (atLimit === "throw") throw new Error(`more than ${limit} abstract states, the latest is ${key}`);
      this.#isFull = true;
      return null;
    }
    const vertex = {
      key,
      position: walked.after,
      path: moves,
      states,
      next: new Set<string>(),
      followed: false,
    };
    this.#vertices.set(key, vertex);
    this.#queue.push(vertex);
    return key;
  }
}

/** Runs a path from the beginning, through the kernel. */
export function replay<Context>(model: Model<Context>, moves: readonly Move[]): Walked<Context>[] {
  const walked = [begin(model)];
  for (const move of moves) walked.push(walk(model, endOf(walked), move));
  return walked;
}

function endOf<Context>(walked: readonly Walked<Context>[]): Position<Context> {
  const last = walked.at(-1);
  if (last === undefined) throw new Error("a walk has a beginning");
  return last.after;
}

export function untakenTransitions(machine: Chart, graphs: readonly Graph<unknown>[]): string[] {
  const taken = new Set(graphs.flatMap(({ paths }) => [...paths.keys()]));
  return [...transitionIds(machine).values()].filter((id) => !taken.has(id));
}

export function unreachedStates(machine: Chart, graphs: readonly Graph<unknown>[]): string[] {
  const reached = new Set(graphs.flatMap((graph) => [...graph.reached]));
  return leaves(machine.root).filter((id) => !reached.has(id));
}

/** States that no stay can be in: they are left in the same step. */
function isTransient(node: Chart["root"]): boolean {
  return (node.always ?? []).some(({ guard }) => guard === undefined);
}

function leaves(node: Chart["root"]): string[] {
  const children = Object.values(node.states);
  if (children.length > 0) return children.flatMap(leaves);
  return node.type === "history" || isTransient(node) ? [] : [node.id];
}

/** Abstract states that no move leaves, final ones and those where the walk stopped excepted. */
export function deadEnds<Context>(graph: Graph<Context>): string[] {
  return [...graph.vertices.values()]
    .filter(({ followed }) => followed)
    .filter(({ key, next, position }) => isActive(position) && [...next].every((other) => other === key))
    .map(({ key }) => key);
}

function isActive({ record }: Position<unknown>): boolean {
  return record.snapshot["status"] === "active";
}
