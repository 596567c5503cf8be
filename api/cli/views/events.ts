import { printableLine } from "../../../runtime/printable.ts";
import type { Event, Payloads } from "../payloads.ts";
import { clockText } from "../render/time.ts";
import type { Paper } from "../render/paper.ts";
import { table } from "../render/table.ts";
import { moreText } from "./more.ts";

export function eventTable({ events, ...page }: Payloads["list_events"], paper: Paper): string {
  const rows = table(
    paper,
    events,
    [
      { title: "AT", of: (event) => clockText(event.at, paper.now) },
      { title: "EVENT", of: (event) => event.event_id },
      { title: "TYPE", of: (event) => event.type },
      { title: "THREAD", of: (event) => event.thread_id },
      { title: "AGENT", of: (event) => event.agent_id },
      { title: "WHAT", of: (event) => dataText(event), most: 80 },
    ],
    "Nothing happened yet.",
  );
  return rows + moreText(page);
}

/** One line of a stream: no columns, since nobody knows what comes. */
export function eventLine(event: Event): string {
  const { at, event_id, type, thread_id, agent_id } = event;
  const where = [thread_id, agent_id].filter((name) => name !== null).join(" ");
  return `${printableLine(`${at}  ${event_id}  ${type}  ${where}  ${dataText(event)}`.trimEnd())}\n`;
}

function dataText({ data }: Event): string {
  return Object.entries(data)
    .filter(([, value]) => value !== null && value !== "")
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join(",") : String(value)}`)
    .join(" ");
}
