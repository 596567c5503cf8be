import { printableLine } from "../../../runtime/printable.ts";
import { paint, type Paper, type Tone } from "../render/paper.ts";
import { table } from "../render/table.ts";
import type { CheckedChart } from "./run.ts";

export function chartsView(charts: readonly CheckedChart[], paper: Paper): string {
  return charts.map((chart) => chartView(chart, paper)).join("\n");
}

function chartView(chart: CheckedChart, paper: Paper): string {
  const { states, transitions } = chart;
  return [
    `${paint(paper, "strong", printableLine(chart.kind))}\n\n`,
    findingsView(chart, paper),
    table(
      paper,
      states,
      [
        { title: "STATE", of: ({ id }) => id, most: 80 },
        { title: "REACHED", of: ({ reached }) => mark(reached) },
      ],
      "No states.",
    ),
    "\n",
    table(
      paper,
      transitions,
      [
        { title: "TRANSITION", of: ({ name }) => name, most: 100 },
        { title: "COVERED", of: ({ covered }) => mark(covered) },
      ],
      "No transitions.",
    ),
    `\n${summary(chart)}\n${paint(paper, chart.holds ? "good" : "bad", verdict(chart))}\n`,
  ].join("");
}

function mark(isShown: boolean): { text: string; tone: Tone } {
  return isShown ? { text: "yes", tone: "good" } : { text: "no", tone: "warning" };
}

const tones: Readonly<Record<"error" | "warning", Tone>> = { error: "bad", warning: "warning" };

function findingsView({ findings }: CheckedChart, paper: Paper): string {
  return findings
    .map(({ severity, rule, state, what, problem, fix }) =>
      [
        `${paint(paper, tones[severity], severity)} ${printableLine(state)}: ${problem} ${paint(paper, "faint", `(${rule})`)}\n`,
        what === null ? "" : `  ${printableLine(what)}\n`,
        `  ${paint(paper, "faint", "fix:")} ${fix}\n\n`,
      ].join(""),
    )
    .join("");
}

function summary({ states, transitions, unexampled, positions }: CheckedChart): string {
  const reached = states.filter((state) => state.reached).length;
  const covered = transitions.filter((transition) => transition.covered).length;
  const missing =
    unexampled.length === 0
      ? ""
      : `\nSent without payload, because no example shows them: ${unexampled.join(", ")}.`;
  return `${reached} of ${states.length} states reached, ${covered} of ${transitions.length} transitions covered, over ${positions} positions.${missing}`;
}

function verdict({ kind, findings, holds, positions }: CheckedChart): string {
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const counted = `${errors} errors, ${findings.length - errors} warnings`;
  const verb = holds
    ? positions === 0
      ? "has a shape that holds, and was not walked"
      : "holds"
    : "does not hold";
  return `${printableLine(kind)} ${verb}: ${counted}.`;
}
