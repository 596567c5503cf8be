import { printable, printableLine } from "../../../runtime/printable.ts";
import { paint, type Paper } from "../render/paper.ts";

export interface DoctorReport {
  kind: string;
  /** Nothing fails; warnings may remain. */
  ok: boolean;
  checks: { code: string; status: "ok" | "warn" | "fail"; text: string; next_step: string | null }[];
}

const tones = { ok: "good", warn: "warning", fail: "bad" } as const;

export function doctorText({ kind, ok, checks }: DoctorReport, paper: Paper): string {
  const width = Math.max(...checks.map(({ code }) => code.length));
  const lines = checks.flatMap(({ code, status, text, next_step: next }) => [
    `${paint(paper, tones[status], status.padEnd(4))}  ${code.padEnd(width)}  ${text}\n`,
    ...(next === null ? [] : [`${" ".repeat(width + 8)}next: ${next}\n`]),
  ]);
  const verdict = ok ? `Agents of kind ${kind} work here.` : `Agents of kind ${kind} do not work here yet.`;
  return `${lines.join("")}${verdict}\n`;
}

export interface ConnectReport {
  kind: string;
  agent_id: string | null;
  undo: boolean;
  /** False with --dry-run, where nothing had to change, or where the person did not agree. */
  written: boolean;
  files: { path: string; diff: string }[];
}

export function diffText(files: ConnectReport["files"], paper: Paper): string {
  return files
    .flatMap(({ diff }) => diff.split(/(?<=\n)/))
    .map((line) => paint(paper, toneOf(line), printable(line)))
    .join("");
}

function toneOf(line: string): "good" | "bad" | "plain" {
  if (/^(?:---|\+\+\+) /.test(line)) return "plain";
  return line.startsWith("+") ? "good" : line.startsWith("-") ? "bad" : "plain";
}

/** `title`: the program's name. */
export function connectedText(
  { kind, agent_id: agent, undo, written, files }: ConnectReport,
  { title, dryRun }: { title: string; dryRun: boolean },
): string {
  if (files.length === 0)
    return undo ? `Nothing of ours is in the settings of ${title}.\n` : `${title} is connected already.\n`;
  if (!written) return dryRun ? "Nothing was written: this was a look.\n" : "Nothing was written.\n";
  if (undo) return `${title} is no longer connected.\n`;
  const how =
    agent === null
      ? `It speaks as the agent of the token in ROUSE_TOKEN or ROUSE_TOKEN_FILE.`
      : `It speaks as ${printableLine(agent)} from its next start on.`;
  return `${title} is connected. ${how}\nSee whether all is well: rouse agent doctor ${kind}\n`;
}
