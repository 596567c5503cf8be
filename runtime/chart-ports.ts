import { outcomeSender, portOf } from "../machines/port.ts";
import type { Chart, RegisteredPort } from "../machines/registry.ts";

/** What a chart invokes: the ports it names, and logic that is none and so would not be durable. */
export interface ChartPorts {
  ports: readonly RegisteredPort[];
  foreign: readonly { state: string; name: string; invokeId: string | null }[];
  /** Invoke id → name of its port. */
  byInvoke: ReadonlyMap<string, string>;
}

type StateNode = Chart["root"];

interface Invoke {
  id?: string;
  src: unknown;
}

export function chartPorts(chart: Chart): ChartPorts {
  const invokes = statesOf(chart.root).flatMap((node) =>
    invokesOf(node).map((invoke) => ({ state: node.id, ...invoke })),
  );
  const named = invokes.flatMap(({ src, ...rest }) => (typeof src === "string" ? [{ src, ...rest }] : []));
  const found = named.map((invoke) => ({ ...invoke, port: portNamed(chart, invoke.src) }));
  const ports = new Map(found.flatMap(({ port }) => (port === null ? [] : [[port.name, port] as const])));
  return {
    ports: [...ports.values()],
    foreign: found
      .filter(({ port, src }) => port?.name !== src)
      .map(({ state, src, id = null }) => ({ state, name: src, invokeId: id })),
    byInvoke: new Map(found.flatMap(({ id, src }) => (id === undefined ? [] : [[id, src] as const]))),
  };
}

/** Whether an outcome that says so comes from a port that the chart invokes under this id. */
export function mayAnswer(chart: Chart, invokeId: string, sender: string): boolean {
  const known = sendersOf.get(chart) ?? sendersByInvoke(chart);
  sendersOf.set(chart, known);
  return known.get(invokeId)?.has(sender) ?? true;
}

const sendersOf = new WeakMap<Chart, ReadonlyMap<string, ReadonlySet<string>>>();

function sendersByInvoke(chart: Chart): ReadonlyMap<string, ReadonlySet<string>> {
  const senders = new Map<string, Set<string>>();
  for (const { id, src } of statesOf(chart.root).flatMap(({ invoke }) => invoke)) {
    if (typeof src === "string") senders.set(id, (senders.get(id) ?? new Set()).add(outcomeSender(src)));
  }
  return senders;
}

function portNamed(chart: Chart, name: string): RegisteredPort | null {
  return portOf((chart.implementations.actors as Record<string, unknown>)[name]);
}

function invokesOf(node: StateNode): Invoke[] {
  const invoke: unknown = node.config.invoke;
  if (invoke === undefined) return [];
  return (Array.isArray(invoke) ? invoke : [invoke]) as Invoke[];
}

function statesOf(node: StateNode): StateNode[] {
  return [node, ...Object.values(node.states).flatMap(statesOf)];
}
