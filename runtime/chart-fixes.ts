import type { ChartRule } from "./chart-rules.ts";

/** What the author of a chart does about each broken rule. */
export const chartFixes: Readonly<Record<ChartRule, string>> = {
  missingVersion: 'Name one in the chart: version: "1".',
  missingDescription: "Write a description on the state: people read it in diagrams and explanations.",
  inlineAction: "Give it a name in setup({ actions }), and use the name.",
  inlineGuard: "Give it a name in setup({ guards }), and use the name.",
  inlineDelay: "Give it a name in setup({ delays }), and use the name.",
  unknownName: "Define the name in setup(), or correct it.",
  inlineActor: "Define a port with definePort(), name it in setup({ actors }), and let src be that name.",
  unknownPort: "Let setup({ actors }) hold the logic of a port made by definePort(): { name: port.logic }.",
  invokeWithoutId: "Give the invoke an id: its outcome comes back under that id.",
  invokeWithoutOnError: "Add onError: a port can fail, and the chart must say what follows.",
  systemId: "Remove systemId; address other actors as kind/id.",
  spawn: "Invoke a port, or create an actor of its own through the node.",
  delayWithoutId: "Give the delayed raise an id, or use after.",
  delayedSend: "Wait with after, then send without delay.",
  errorWildcard: "Name the events, or a narrower wildcard such as order.*.",
  deadEnd: 'Add a way out, or make the state final: type: "final".',
};
