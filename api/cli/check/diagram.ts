import { transitionLabel } from "../../../machines/export/labels.ts";
import { toMermaid } from "../../../machines/export/mermaid.ts";
import type { Chart } from "../../../machines/registry.ts";
import { transitionIds } from "../../../runtime/transitions.ts";
import type { CheckedChart } from "./run.ts";

/** The chart in Mermaid: states that were not reached in red, transitions that nothing took with a note. */
export function markedDiagram(machine: Chart, { states, transitions, findings }: CheckedChart): string {
  const ids = transitionIds(machine);
  const uncovered = new Set(transitions.filter(({ covered }) => !covered).map(({ id }) => id));
  const unreachable = findings.filter(({ rule }) => rule === "unreachableState").map(({ state }) => state);
  return toMermaid(machine, {
    label: (transition) =>
      `${uncovered.has(ids.get(transition) ?? "") ? "NOT COVERED " : ""}${transitionLabel(transition)}`,
    states: [...states.filter(({ reached }) => !reached).map(({ id }) => id), ...unreachable],
  });
}
