import type { Chart } from "../registry.ts";

export type StateNode = Chart["root"];
export type Transition = NonNullable<StateNode["always"]>[number];

/** Every transition that starts at this very state, in the order it is tried. */
export function transitionsOf(node: StateNode): Transition[] {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

/** `event [guard] / action, action`. */
export function transitionLabel(transition: Transition): string {
  const actions = transition.actions.map(referenceLabel);
  const parts = [
    eventLabel(String(transition.eventType)),
    transition.guard === undefined ? "" : `[${referenceLabel(transition.guard)}]`,
    actions.length === 0 ? "" : `/ ${actions.join(", ")}`,
  ];
  return parts.filter((part) => part !== "").join(" ");
}

/** Engine events in plain words: `after ackTimeout`, `done deliverWake`, `error deliverWake`; nothing for eventless ones. */
export function eventLabel(eventType: string): string {
  const [, kind, rest] = /^xstate\.(after|done\.actor|error\.actor)\.(.*)$/.exec(eventType) ?? [];
  if (kind === undefined || rest === undefined) return eventType;
  return kind === "after" ? `after ${rest.split(".")[0]}` : `${kind.split(".")[0]} ${rest}`;
}

/** The name of an action or guard, with its fixed params: `observes(dialog, trust)`. */
function referenceLabel(reference: unknown): string {
  if (typeof reference === "string") return reference;
  const { type, params } = reference as { type: string; params?: unknown };
  if (typeof params !== "object" || params === null) return type;
  const values = Object.values(params).filter((value) => value !== null);
  return values.length === 0 ? type : `${type}(${values.map(String).join(", ")})`;
}
