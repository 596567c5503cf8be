import type { Chart } from "../registry.ts";
import { transitionLabel, transitionsOf, type StateNode, type Transition } from "./labels.ts";

/**
 * The chart as a Mermaid `stateDiagram-v2`. Mermaid draws no arrow between the insides of two composite states, nor from
 * a composite state into itself. So an arrow joins the two outermost states that differ, and its label names the inner
 * ends; an arrow from a state into its own inside starts at that inside's `[*]`.
 */
export function toMermaid(chart: Chart, marks: Marks = { label: transitionLabel, states: [] }): string {
  const { root } = chart;
  const drawing = { arrows: arrowsByPlace(root, marks.label), label: marks.label };
  // Regions side by side need a composite state around them.
  const body = root.type === "parallel" ? state(root, drawing) : inside(root, drawing);
  const marked = statesBelow(root).filter(({ id }) => marks.states.includes(id));
  const lines = ["stateDiagram-v2", ...indent(body), ...indent(marked.length === 0 ? [] : marking(marked))];
  return `${lines.join("\n")}\n`;
}

/** What a drawing stresses: how transitions are labelled, and the ids of states to draw in red. */
export interface Marks {
  label: (transition: Transition) => string;
  states: readonly string[];
}

interface Drawing {
  arrows: Arrows;
  label: Marks["label"];
}

function marking(nodes: readonly StateNode[]): string[] {
  return [
    "classDef marked stroke:#c00,stroke-width:3px,color:#c00",
    `class ${nodes.map(mermaidId).join(",")} marked`,
  ];
}

/** Composite state → the lines of the arrows drawn directly in it. */
type Arrows = ReadonlyMap<StateNode, readonly string[]>;

function arrowsByPlace(root: StateNode, label: Marks["label"]): Arrows {
  const arrows = new Map<StateNode, string[]>();
  for (const node of statesBelow(root)) {
    for (const transition of transitionsOf(node)) {
      for (const target of transition.target ?? []) {
        const { place, line } = arrow(node, target, label(transition));
        arrows.set(place, [...(arrows.get(place) ?? []), line]);
      }
    }
  }
  return arrows;
}

function arrow(from: StateNode, to: StateNode, label: string): { place: StateNode; line: string } {
  if (from === to && from.parent !== undefined) {
    return {
      place: from.parent,
      line: arrowLine(mermaidId(from), from, { label }),
    };
  }
  const lineage = ancestry(from);
  const place = ancestry(to).find((node) => node !== to && lineage.includes(node)) ?? from;
  const start = childOf(place, from);
  const end = childOf(place, to) ?? to;
  const ends = {
    label,
    ...(start !== undefined && start !== from ? { inner: from.key } : {}),
    ...(end !== to ? { to: to.key } : {}),
  };
  return { place, line: arrowLine(start === undefined ? "[*]" : mermaidId(start), end, ends) };
}

function arrowLine(
  start: string,
  end: StateNode,
  ends: { label: string; inner?: string; to?: string },
): string {
  const words = [
    ends.inner === undefined ? "" : `(${ends.inner})`,
    ends.label,
    ends.to === undefined ? "" : `→ ${ends.to}`,
  ];
  const label = words.filter((word) => word !== "").join(" ");
  return `${start} --> ${mermaidId(end)}${label === "" ? "" : ` : ${label}`}`;
}

/** The node itself first, the root last. */
function ancestry(node: StateNode): StateNode[] {
  return node.parent === undefined ? [node] : [node, ...ancestry(node.parent)];
}

/** The child of `place` in which `node` lies, or undefined when it is `place` itself. */
function childOf(place: StateNode, node: StateNode): StateNode | undefined {
  return ancestry(node).find(({ parent }) => parent === place);
}

function statesBelow(node: StateNode): StateNode[] {
  return [node, ...Object.values(node.states).flatMap(statesBelow)];
}

function inside(node: StateNode, drawing: Drawing): string[] {
  const children = Object.values(node.states);
  if (isOutermostParallel(node)) {
    return children.flatMap((child, index) => [...(index === 0 ? [] : ["--"]), ...state(child, drawing)]);
  }
  const initial = node.type === "parallel" ? [] : (node.initial.target ?? []);
  return [
    ...children.flatMap((child) => state(child, drawing)),
    ...initial.map((child) => `[*] --> ${mermaidId(childOf(node, child) ?? child)}`),
    ...(drawing.arrows.get(node) ?? []),
    ...children.filter(({ type }) => type === "final").map((child) => `${mermaidId(child)} --> [*]`),
  ];
}

function state(node: StateNode, drawing: Drawing): string[] {
  const isBox = node.parent?.type === "parallel" && !isOutermostParallel(node.parent);
  const declared = `state "${isBox ? "region " : ""}${node.key}" as ${mermaidId(node)}`;
  const remarks = remarksOf(node, drawing.label);
  if (Object.keys(node.states).length === 0)
    return [declared, ...remarks.map((text) => `${mermaidId(node)} : ${text}`)];
  const note = [`note right of ${mermaidId(node)}`, ...indent(remarks), "end note"];
  return [`${declared} {`, ...indent(inside(node, drawing)), "}", ...(remarks.length === 0 ? [] : note)];
}

/** Mermaid's layout (12.3) fails on `--` below another `--`: regions further in are drawn as boxes side by side. */
function isOutermostParallel(node: StateNode): boolean {
  return node.type === "parallel" && ancestry(node).filter(({ type }) => type === "parallel").length === 1;
}

/** What happens without leaving the state. */
function remarksOf(node: StateNode, label: Marks["label"]): string[] {
  const ports = node.invoke.map(({ id }) => `invoke ${id}`);
  const internal = transitionsOf(node).filter(({ target }) => target === undefined);
  return [...ports, ...internal.map(label)];
}

function mermaidId({ id }: StateNode): string {
  return id.replaceAll(/[^A-Za-z0-9]/g, "_");
}

function indent(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}
