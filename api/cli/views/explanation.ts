import { asCommands } from "../command-names.ts";
import type { Explanation, Payloads } from "../payloads.ts";
import { paint, type Paper } from "../render/paper.ts";
import { printableLine } from "../../../runtime/printable.ts";
import { list } from "../render/table.ts";
import { clockText, relativeText } from "../render/time.ts";

/** The sentence first; then the path through the chart, what its guards look at, and what comes next. */
export function explanationText(payload: Payloads["explain"], paper: Paper): string {
  const { agent_id, explanations, token } = payload;
  if (explanations.length === 0) return `${agent_id} is a participant of no thread.\n`;
  const note = token === null ? "" : `${printableLine(token)}\n\n`;
  return note + explanations.map((one) => oneExplanation(one, paper)).join("\n");
}

function oneExplanation(one: Explanation, paper: Paper): string {
  return [
    `${paint(paper, "strong", printableLine(one.sentence))}\n`,
    `Next: ${printableLine(asCommands(one.next))}${whenText(one, paper)}\n`,
    section("Where its chart stands", chartText(one)),
    section("How the wake went so far", wakeText(one, paper)),
    section("How it came there", pathText(one, paper)),
    section("What its guards say now, in the order in which they are asked", guardText(one, paper)),
    section("What they look at", indented(list(Object.entries(one.facts)))),
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

function whenText({ next_at: at }: Explanation, { now }: Paper): string {
  return at === null ? "" : ` (${relativeText(at, now)})`;
}

function pathText({ path }: Explanation, { now }: Paper): string {
  return path
    .map(({ at, event, states }) => {
      const attention = states.find((state) => /\battention\./u.test(state)) ?? states.join(", ");
      return printableIndented(`${clockText(at, now)}  ${event} → ${attention.replace("participant.", "")}`);
    })
    .join("");
}

function guardText({ guards }: Explanation, paper: Paper): string {
  const width = Math.max(0, ...guards.map(({ guard }) => guard.length));
  return guards
    .map(({ guard, holds, because }) => {
      const value = paint(paper, holds ? "strong" : "faint", holds ? "yes" : "no ");
      return `  ${guard.padEnd(width)}  ${value}  ${printableLine(because)}\n`;
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
  const work = effects.map(({ port, status, attempt, requested_at, next_try_at: next, node_id: node }) => {
    const again = attempt > 0 && next !== null ? `, next try ${relativeText(next, now)}` : "";
    const holder = node === null ? "" : ` on ${node}`;
    const asked = `asked for ${relativeText(requested_at, now)}`;
    return printableIndented(`${port}: ${status}, attempt ${attempt}${holder}, ${asked}${again}`);
  });
  return [...work, ...due].join("");
}

function printableIndented(text: string): string {
  return `  ${printableLine(text)}\n`;
}

function indented(text: string): string {
  return text.replaceAll(/^(?=.)/gm, "  ");
}
