import type { Aspect, ReplayedEvent } from "../../../runtime/replay.ts";
import type { Outcome } from "../../../runtime/replay-world.ts";
import { paint, type Paper } from "../render/paper.ts";
import { table } from "../render/table.ts";
import { clockText } from "../render/time.ts";
import type { ReplayReport } from "./run.ts";

const aspects: readonly Aspect[] = ["fate", "states", "transitions", "effects", "timers", "mail", "records"];

export function replayView(report: ReplayReport, { paper, all }: { paper: Paper; all: boolean }): string {
  const shown = report.events.filter(({ differs }) => all || differs.length > 0);
  const rows = shown.flatMap((event) => rowsOf(event, all));
  const parts = [verdict(report, paper)];
  if (report.machine !== null || all) {
    const columns = [
      { title: "SEQ", of: (row: Row) => row.seq, align: "right" as const },
      {
        title: "AT",
        of: (row: Row) => (row.at === null ? "" : clockText(new Date(row.at).toISOString(), paper.now)),
      },
      { title: "EVENT", of: (row: Row) => row.event },
      { title: "IN", of: (row: Row) => row.aspect },
      { title: "RECORDED", of: (row: Row) => row.recorded, most: 60 },
      { title: "CHANGED", of: (row: Row) => ({ text: row.changed, tone: row.tone }), most: 60 },
    ];
    parts.push(table(paper, rows, columns, "Nothing would have gone differently."));
  }
  return parts.join("\n");
}

function verdict(report: ReplayReport, paper: Paper): string {
  const { actor, entries, skipped, unfaithful, machine, differences } = report;
  const about = `${actor}: ${entries} entries${skipped === 0 ? "" : `, ${skipped} of them the engine's own notes`}.`;
  const kept = report.faithful
    ? paint(paper, "good", "The history comes out as it was recorded.")
    : paint(
        paper,
        "bad",
        `The history does not come out as it was recorded: ${unfaithful.map(mismatch).join("; ")}.`,
      );
  const changed =
    machine === null
      ? ""
      : `With ${machine} ${differences} ${differences === 1 ? "event" : "events"} would have gone differently.\n`;
  return `${about}\n${kept}\n${changed}`;
}

function mismatch({ seq, differs }: ReplayReport["unfaithful"][number]): string {
  return `entry ${seq} in ${differs.join(", ")}`;
}

interface Row {
  seq: number | string;
  at: number | null;
  event: string;
  aspect: string;
  recorded: string;
  changed: string;
  tone: "warning" | "faint";
}

/** One line for each aspect in which an event differs; the first says which event. */
function rowsOf({ seq, at, event, recorded, changed, differs }: ReplayedEvent, all: boolean): Row[] {
  const told = aspects.filter((aspect) => differs.includes(aspect) || (all && aspect === "states"));
  const only = seq === null ? ["states" as const, ...asked(changed)] : told;
  return only.map((aspect, index) => ({
    seq: index > 0 ? "" : (seq ?? "-"),
    at: index > 0 ? null : at,
    event: index > 0 ? "" : event.type,
    aspect,
    recorded: textOf(recorded, aspect),
    changed: textOf(changed, aspect),
    tone: differs.length > 0 ? "warning" : "faint",
  }));
}

function asked(outcome: Outcome | null): Aspect[] {
  return (["effects", "timers", "mail", "records"] as const).filter(
    (aspect) => (outcome?.[aspect].length ?? 0) > 0,
  );
}

function textOf(outcome: Outcome | null, aspect: Aspect): string {
  if (outcome === null) return "-";
  if (aspect === "fate") return outcome.why === null ? outcome.fate : `${outcome.fate}: ${outcome.why}`;
  const parts = outcome[aspect].map((part) => (typeof part === "string" ? part : asking(part as Asking)));
  return parts.length === 0 ? "none" : parts.join(", ");
}

interface Asking {
  type: string;
  id?: string;
  port?: string;
  delayMs?: number;
  to?: string;
  topic?: string;
  event?: { type: string };
}

function asking({ type, id, port, delayMs, to, topic, event }: Asking): string {
  switch (type) {
    case "invoke":
      return `ask ${port ?? ""}`;
    case "stopInvoke":
      return `withdraw ${id ?? ""}`;
    case "armTimer":
      return `arm ${id ?? ""} in ${delayMs ?? 0} ms`;
    case "cancelTimer":
      return `cancel ${id ?? ""}`;
    case "send":
      return `${event?.type ?? ""} to ${to ?? ""}`;
    case "publish":
      return `${event?.type ?? ""} to all of ${topic ?? ""}`;
    default:
      return type;
  }
}
