import type { NodeFile } from "../../node-messages.ts";
import type { DeadLetter, Participant, Runtime, WorkspaceStatus } from "../payloads.ts";
import { paint, toneOf, type Paper } from "../render/paper.ts";
import { list } from "../render/table.ts";
import { durationText } from "../render/time.ts";
import { deadLetterTable } from "./evidence.ts";
import { runtimeTable } from "./runtimes.ts";
import { participantTable } from "./threads.ts";

export interface StatusReport {
  url: string;
  /** Null for a node elsewhere. */
  node: NodeFile | null;
  database: "ready" | "unavailable";
  workspace: WorkspaceStatus;
  /** By status. */
  threads: Readonly<Record<string, { count: number; has_more: boolean }>>;
  runtimes: Runtime[];
  blocked: Participant[];
  dead_letters: DeadLetter[];
}

export function statusPage(report: StatusReport, paper: Paper): string {
  const { workspace, blocked, dead_letters: letters } = report;
  const runtimes = report.runtimes.filter(({ state }) => state !== "deregistered");
  const noMore = { has_more: false, next_cursor: null };
  return [
    list(facts(report, paper)),
    workspace.injection === "paused"
      ? `\n${paint(paper, toneOf("paused"), "Injection is paused in the whole workspace.")} Next: rouse resume --reason …\n`
      : "",
    section(paper, "Runtimes", runtimes.length === 0 ? "" : runtimeTable({ runtimes, ...noMore }, paper)),
    section(
      paper,
      "Blocked participants",
      blocked.length === 0 ? "" : participantTable({ participants: blocked }, paper),
    ),
    section(
      paper,
      "Dead letters",
      letters.length === 0 ? "" : deadLetterTable({ dead_letters: letters }, paper),
    ),
  ].join("");
}

function facts(report: StatusReport, { now }: Paper): [string, string][] {
  const { url, node, database, workspace, threads, runtimes, blocked } = report;
  const process = node === null ? [] : [`pid ${node.pid}`, `up ${durationText(now - node.startedAt)}`];
  return [
    ["node", [url, ...process].join(", ")],
    ["database", database],
    ["workspace", `${workspace.workspace_id} on ${workspace.host}`],
    ["injection", workspace.injection],
    ["threads", threadCounts(threads)],
    ["messages", String(workspace.messages)],
    ["runtimes", stateCounts(runtimes)],
    ["actors", counts(workspace.actors)],
    ["waiting", `${workspace.mail} mail, ${workspace.timers} timers`],
    ["effects", counts(workspace.effects)],
    ["blocked", String(blocked.length)],
    ["dead letters", String(workspace.dead_letters)],
  ];
}

function threadCounts(threads: StatusReport["threads"]): string {
  const parts = Object.entries(threads)
    .filter(([, { count }]) => count > 0)
    .map(([status, { count, has_more: more }]) => `${count}${more ? "+" : ""} ${status}`);
  return parts.length === 0 ? "none" : parts.join(", ");
}

function stateCounts(runtimes: readonly Runtime[]): string {
  const states: Record<string, number> = {};
  for (const { state } of runtimes) states[state ?? "unknown"] = (states[state ?? "unknown"] ?? 0) + 1;
  return counts(states);
}

function counts(byName: Readonly<Record<string, number>>): string {
  const parts = Object.entries(byName)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`);
  return parts.length === 0 ? "none" : parts.join(", ");
}

function section(paper: Paper, title: string, body: string): string {
  return body === "" ? "" : `\n${paint(paper, "strong", title)}\n${body}`;
}
