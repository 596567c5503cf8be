import type { Verification } from "../audit/verification.ts";
import type { Payloads } from "../payloads.ts";
import { paint, toneOf, type Paper } from "../render/paper.ts";
import { list, table } from "../render/table.ts";
import { clockText, durationText } from "../render/time.ts";
import { printableLine } from "../../../runtime/printable.ts";
import { moreText } from "./more.ts";

export function auditTable({ entries, ...page }: Payloads["list_audit"], paper: Paper): string {
  const rows = table(
    paper,
    entries,
    [
      { title: "ID", of: (entry) => entry.audit_id, align: "right" },
      { title: "AT", of: (entry) => clockText(entry.at, paper.now) },
      { title: "WHO", of: (entry) => `${entry.actor} (${entry.role})` },
      { title: "OPERATION", of: (entry) => entry.operation },
      { title: "SUBJECT", of: (entry) => entry.subject },
      { title: "OUTCOME", of: ({ outcome }) => ({ text: outcome, tone: toneOf(outcome) }) },
      { title: "CODE", of: (entry) => entry.code },
      { title: "REASON", of: (entry) => entry.reason, most: 60 },
    ],
    "No entries.",
  );
  return rows + moreText(page);
}

export function auditPage({ entry }: Payloads["get_audit_entry"], paper: Paper): string {
  const { details, changes, seq, hash } = entry;
  const facts = list([
    ["at", clockText(entry.at, paper.now)],
    ["who", `${entry.actor} (${entry.role})`],
    ["operation", entry.operation],
    ["subject", entry.subject],
    ["outcome", entry.code === null ? entry.outcome : `${entry.outcome}: ${entry.code}`],
    ["reason", entry.reason],
    ["input", details === null ? null : JSON.stringify(details)],
    ["request", entry.request_id],
    ["chain", seq === null ? "not sealed yet" : `${seq}:${hash ?? ""}`],
  ]);
  const changed = table(
    paper,
    changes,
    [
      { title: "CHANGED", of: ({ of }) => of, most: 60 },
      { title: "FROM", of: ({ before }) => shown(before), most: 60 },
      { title: "TO", of: ({ after }) => shown(after), most: 60 },
    ],
    "Nothing changed.",
  );
  return `${facts}\n${changed}`;
}

function shown(value: unknown): string | null {
  if (value === null || typeof value === "string") return value;
  return JSON.stringify(value);
}

export function auditHeadPage(head: Payloads["get_audit_head"], paper: Paper): string {
  return list([
    ["anchor", head.anchor],
    ["sealed", head.sealed_at === null ? null : clockText(head.sealed_at, paper.now)],
    [
      "unsealed",
      unsealedText({ rows: head.unsealed, oldest_at: head.oldest_unsealed_at }, Date.parse(head.now)),
    ],
  ]);
}

export function verificationText(result: Verification, paper: Paper): string {
  const { holds, checked, problems, gaps, unsealed, anchor, checkpoint } = result;
  const [first] = problems;
  const lines = [
    first === undefined
      ? `${paint(paper, "good", "The chain holds")}: ${checked} rows.`
      : `${paint(paper, "bad", "The chain does not hold")}: ${printableLine(first.message)}.`,
    ...problems.slice(1, 10).map(({ message }) => `  also: ${printableLine(message)}`),
    ...(problems.length > 10 ? [`  and ${problems.length - 10} more`] : []),
    ...(anchor === "found" ? ["The anchor is in it."] : []),
    ...(gaps === 0
      ? []
      : [`Rows were left out at ${gaps} places: there each row stands by its own hash alone.`]),
    ...(unsealed === null || unsealed.rows === 0
      ? []
      : [`Not sealed yet: ${unsealedText(unsealed, paper.now)}.`]),
    ...(checkpoint === null || !holds ? [] : [`Checkpoint: ${checkpoint}`]),
  ];
  return `${lines.join("\n")}\n`;
}

function unsealedText({ rows, oldest_at: oldest }: { rows: number; oldest_at: string | null }, now: number) {
  if (oldest === null) return String(rows);
  return `${rows}, the oldest ${durationText(Math.max(0, now - Date.parse(oldest)))} old`;
}
