import type { Explanation, Payloads } from "../payloads.ts";
import { paint, type Paper } from "../render/paper.ts";
import { printableLine } from "../../../runtime/printable.ts";
import { list } from "../render/table.ts";
import { clockText, relativeText } from "../render/time.ts";

/** The sentence first; then the path through the chart, what its guards look at, and what comes next. */
export function explanationText({ agent_id, explanations }: Payloads["explain"], paper: Paper): string {
  if (explanations.length === 0) return `${agent_id} is a participant of no thread.\n`;
  return explanations.map((one) => oneExplanation(one, paper)).join("\n");
}

function oneExplanation(one: Explanation, paper: Paper): string {
  return [
    `${paint(paper, "strong", printableLine(one.sentence))}\n`,
    `Next: ${printableLine(one.next)}\n`,
    section("Where its chart stands", chartText(one)),
    section("How the wake went so far", wakeText(one, paper)),
    section("What its guards look at", indented(list(Object.entries(one.facts)))),
    section("What is under way", pendingText(one, paper)),
  ].join("");
}

function section(title: string, body: string): string {
  return body === "" ? "" : `\n${title}\n${body}`;
}

function chartText({ chart }: Explanation): string {
  return chart
    .map(({ state, descriptions }) => {
      const innermost = descriptions.at(-1);
      return `  ${state}${innermost === undefined ? "" : ` — ${printableLine(innermost)}`}\n`;
    })
    .join("");
}

function wakeText({ wake }: Explanation, { now }: Paper): string {
  if (wake === null) return "";
  const counts = `${wake.triggers} triggers, ${wake.resumes} resumes, ${wake.spawns} spawns`;
  const head = `  ${wake.wake_id}, opened ${relativeText(wake.opened_at, now)}: ${counts}${wake.forced ? ", forced" : ""}\n`;
  const hops = wake.hops.map(({ hop, at, outcome, reason }) => {
    const why = reason === null ? "" : ` (${reason})`;
    return printableIndented(`${clockText(at, now)}  ${hop}: ${outcome}${why}`);
  });
  return head + hops.join("");
}

function pendingText({ timers, effects }: Explanation, { now }: Paper): string {
  const due = timers.map(({ id, due_at }) => printableIndented(`timer ${id}: ${relativeText(due_at, now)}`));
  const work = effects.map(({ port, status, attempt, requested_at }) =>
    printableIndented(`${port}: ${status}, attempt ${attempt}, asked for ${relativeText(requested_at, now)}`),
  );
  return [...work, ...due].join("");
}

function printableIndented(text: string): string {
  return `  ${printableLine(text)}\n`;
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
