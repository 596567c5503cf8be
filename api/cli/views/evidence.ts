import type { Payloads, Wake } from "../payloads.ts";
import { toneOf, type Paper } from "../render/paper.ts";
import { table } from "../render/table.ts";
import { clockText, durationText } from "../render/time.ts";
import { moreText } from "./more.ts";

export function wakeTable({ wakes }: Payloads["list_wakes"], paper: Paper): string {
  return table(
    paper,
    wakes,
    [
      { title: "OPENED", of: (wake) => clockText(wake.opened_at, paper.now) },
      { title: "WAKE", of: (wake) => wake.wake_id },
      { title: "THREAD", of: (wake) => wake.thread_id },
      { title: "AGENT", of: (wake) => wake.agent_id },
      { title: "WORK", of: effectsText, most: 60 },
      { title: "ACK", of: ackText },
      { title: "OUTCOME", of: ({ outcome }) => ({ text: outcome ?? "open", tone: toneOf(outcome ?? "") }) },
      { title: "REASON", of: (wake) => wake.reason },
    ],
    "No wakes.",
  );
}

function effectsText({ effects }: Wake): string {
  return effects.map(({ port, status }) => `${port} ${status}`).join(", ");
}

function ackText({ opened_at, acknowledged_at, acknowledged_by }: Wake): string | null {
  if (acknowledged_at === null) return null;
  const after = durationText(Date.parse(acknowledged_at) - Date.parse(opened_at));
  return `${acknowledged_by ?? "?"} after ${after}`;
}

export function journalTable({ entries, ...page }: Payloads["get_journal"], paper: Paper): string {
  const rows = table(
    paper,
    entries,
    [
      { title: "AT", of: (entry) => clockText(entry.at, paper.now) },
      { title: "ACTOR", of: (entry) => entry.address },
      { title: "SEQ", of: (entry) => entry.seq, align: "right" },
      { title: "EVENT", of: (entry) => entry.event.type },
      { title: "FROM", of: (entry) => entry.from, most: 30 },
      {
        title: "STATES",
        of: ({ dropped, states }) =>
          dropped === null
            ? states.map(withoutKind).join(", ")
            : { text: `dropped: ${dropped}`, tone: "faint" },
        most: 80,
      },
    ],
    "Nothing happened yet.",
  );
  return rows + moreText(page);
}

/** The actor's address names the kind already. */
function withoutKind(state: string): string {
  return state.slice(state.indexOf(".") + 1);
}

export function escalationTable(
  { escalations, ...page }: Payloads["list_escalations"],
  paper: Paper,
): string {
  const rows = table(
    paper,
    escalations,
    [
      { title: "AT", of: (one) => clockText(one.at, paper.now) },
      { title: "THREAD", of: (one) => one.thread_id },
      { title: "AGENT", of: (one) => one.agent_id },
      { title: "REASON", of: (one) => ({ text: one.reason, tone: "bad" }) },
      { title: "DETAIL", of: (one) => one.detail, most: 80 },
    ],
    "No escalations.",
  );
  return rows + moreText(page);
}
