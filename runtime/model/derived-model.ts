import type { Chart } from "../../machines/registry.ts";
import { chartPorts } from "../chart-ports.ts";
import { examplesOf, type ModelExamples } from "./examples.ts";
import type { Model, Outcomes } from "./model.ts";

/** A chart to be walked, with what is known of it. */
export interface Subject {
  kind: string;
  /** With which the chart is registered; absent for a chart alone. */
  version?: string;
  machine: Chart;
  examples: ModelExamples;
}

/** One model per input and abstraction: every event type has a payload, every port its outcomes. */
export function modelsOf({ kind, machine, examples }: Subject): Model<unknown>[] {
  const { inputs = [{}], abstraction } = examples;
  const mail = payloads(machine, examples);
  const outcomes = outcomesOf(machine, examples);
  const abstractions = abstraction === undefined ? [exactly, roughly] : [abstraction];
  return inputs.flatMap((input) =>
    abstractions.map((each) => ({
      machine,
      address: `${kind}/example` as const,
      input,
      mail: () => mail,
      outcomes,
      // An invoke that breaks the rules has no name to look up; the walk goes on all the same.
      otherOutcomes: { done: [null], failed: derivedFailures },
      abstraction: each,
    })),
  );
}

/** Event types that the chart names and no example shows; they are sent without any payload. */
export function unexampledEvents({ machine, examples: { events = [] } }: Subject): string[] {
  return eventTypes(machine).filter((type) => !events.some((event) => matches(type, event.type)));
}

function payloads(
  machine: Chart,
  { events = [] }: ModelExamples,
): Record<string, readonly { readonly type: string }[]> {
  return Object.fromEntries(
    eventTypes(machine).map((type) => {
      const given = events.filter((event) => matches(type, event.type));
      return [type, given.length > 0 ? given : [{ type: type.replace("*", "example") }]];
    }),
  );
}

function eventTypes({ events }: Chart): string[] {
  return events.map(String).filter((type) => type !== "" && !type.startsWith("xstate."));
}

/** `*` and `noun.*` stand for many. */
function matches(descriptor: string, type: string): boolean {
  return descriptor.endsWith("*") ? type.startsWith(descriptor.slice(0, -1)) : descriptor === type;
}

const derivedFailures = ["port_failed"];

function outcomesOf(machine: Chart, { outcomes = {} }: ModelExamples): Record<string, Outcomes> {
  const { ports, byInvoke } = chartPorts(machine);
  return Object.fromEntries(
    [...byInvoke].map(([invoke, name]) => {
      const port = ports.find((each) => each.name === name);
      const derived = port === undefined ? [null] : examplesOf(port.output);
      const { done = derived, failed = derivedFailures } = outcomes[name] ?? {};
      return [invoke, { done, failed }];
    }),
  );
}

function exactly({ value, context, record }: Parameters<Model<unknown>["abstraction"]>[0]): unknown {
  return [value, context, Object.keys(record.invokes), Object.keys(record.timers)];
}

function roughly({ value, context, record }: Parameters<Model<unknown>["abstraction"]>[0]): unknown {
  return [value, rough(context), Object.keys(record.invokes), Object.keys(record.timers)];
}

const countedUpTo = 3;

function rough(value: unknown): unknown {
  if (typeof value === "number") return Math.max(-1, Math.min(countedUpTo + 1, Math.trunc(value)));
  if (Array.isArray(value)) return value.slice(0, countedUpTo).map(rough);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, rough(entry)]));
}
