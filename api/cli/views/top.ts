import { isRouseError, type RouseError } from "../../../runtime/errors.ts";
import { printableLine } from "../../../runtime/printable.ts";
import type { Node, Participant, Runtime, Wake, WorkspaceStatus } from "../payloads.ts";
import { paint, toneOf, type Paper } from "../render/paper.ts";
import { table } from "../render/table.ts";
import { durationText, relativeText } from "../render/time.ts";
import { clip } from "../render/width.ts";
import { wakeTable } from "./evidence.ts";
import { nodeTable } from "./failure.ts";
import { runtimeTable } from "./runtimes.ts";
import { counts } from "./status.ts";

export interface TopReport {
  workspace: WorkspaceStatus;
  /** Those that are not at rest, who needs a person first. */
  participants: Participant[];
  /** False when there were more than were looked through. */
  participants_complete: boolean;
  runtimes: Runtime[];
  /** Under way. */
  wakes: Wake[];
  nodes: Node[];
  now: string;
}

const needs = ["blocked", "backoff", "deferred", "unread", "resuming", "spawning", "awaitingStart"];

/** Smaller is more urgent; null needs nothing. */
export function needOf({ attention, paused_by, unread }: Participant): number | null {
  const place = needs.indexOf(attention ?? "");
  if (place >= 0) return place;
  if (paused_by.length > 0 && unread > 0) return 0;
  return attention === null || attention === "caughtUp" ? null : needs.length;
}

/** `rows` is the height that there is; left out: as long as it gets. */
export function topPage(report: TopReport | RouseError, paper: Paper, rows = Infinity): string {
  if (isRouseError(report)) return `${paint(paper, "bad", "No answer:")} ${printableLine(report.message)}\n`;
  const { participants, runtimes, wakes } = report;
  const head = headLines(report, paper);
  const sections = [
    ["Participants, who needs something first", participants.length, participantRows(report, paper)],
    ["Wakes under way", wakes.length, wakeTable({ wakes }, paper)],
    ["Runtimes", runtimes.length, runtimeTable({ runtimes, has_more: false, next_cursor: null }, paper)],
    ["Nodes", report.nodes.length, nodeTable({ now: report.now, nodes: report.nodes }, paper)],
  ] as const;
  const shown = sections.filter(([, count]) => count > 0);
  const room = Math.floor((rows - head.length) / Math.max(1, shown.length)) - 2;
  const body = shown.flatMap(([title, count, text]) => [
    "",
    paint(paper, "strong", `${title} (${count}${moreMark(title, report)})`),
    ...cut(text, Math.max(2, room)),
  ]);
  return `${[...head, ...body].join("\n")}\n`;
}

function moreMark(title: string, { participants_complete: isComplete }: TopReport): string {
  return title.startsWith("Participants") && !isComplete ? "+" : "";
}

function cut(text: string, room: number): string[] {
  const lines = text.replace(/\n$/u, "").split("\n");
  if (lines.length <= room) return lines;
  return [...lines.slice(0, room - 1), `… ${lines.length - room + 1} more`];
}

function headLines({ workspace, now }: TopReport, paper: Paper): string[] {
  const { mail, oldest_mail_at: oldest, quarantined_mail: aside, dead_letters: letters } = workspace;
  const age = oldest === null ? "" : `, oldest ${durationText(Date.parse(now) - Date.parse(oldest))}`;
  const pause =
    workspace.injection === "paused"
      ? paint(paper, "warning", "  INJECTION PAUSED: rouse resume --reason …")
      : "";
  const lines = [
    `${paint(paper, "strong", "rouse")} ${workspace.workspace_id} on ${workspace.host}  ${now.slice(0, 19)}Z`,
    `threads  ${counts(workspace.threads)}`,
    `queue    ${mail} mail${age}; effects ${counts(workspace.effects)}; ${workspace.timers} timers`,
    `aside    ${letters} dead letters, ${aside} mail of quarantined actors`,
  ].map((line) => (paper.columns > 0 && !paper.hasColor ? clip(line, paper.columns) : line));
  return pause === "" ? lines : [...lines, pause];
}

function participantRows({ participants, now }: TopReport, paper: Paper): string {
  return table(
    paper,
    participants,
    [
      { title: "THREAD", of: (one) => one.thread_id },
      { title: "AGENT", of: (one) => one.agent_id },
      {
        title: "ATTENTION",
        of: ({ attention }) => ({ text: attention ?? "-", tone: toneOf(attention ?? "") }),
      },
      { title: "UNREAD", of: (one) => one.unread, align: "right" },
      { title: "WHY", of: whyText, most: 60 },
      { title: "HEARTBEAT", of: (one) => relativeText(one.last_heartbeat_at, Date.parse(now)) },
    ],
    "Nobody needs anything.",
  );
}

function whyText({ blocked_reason, blocked_detail, paused_by }: Participant): string {
  const paused = paused_by.length === 0 ? [] : [`paused for ${paused_by.join(" and ")}`];
  const blocked = blocked_reason === null ? [] : [`${blocked_reason}: ${blocked_detail ?? ""}`];
  return [...blocked, ...paused].join("; ");
}
