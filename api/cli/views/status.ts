import type { NodeFile } from "../../node-messages.ts";
import type { DeadLetter, Participant, QuarantinedActor, Runtime, WorkspaceStatus } from "../payloads.ts";
import { paint, toneOf, type Paper } from "../render/paper.ts";
import { list } from "../render/table.ts";
import { durationText } from "../render/time.ts";
import { deadLetterTable, quarantineTable } from "./failure.ts";
import { runtimeTable } from "./runtimes.ts";
import { participantTable } from "./threads.ts";

export interface StatusReport {
  url: string;
  /** Null for a node elsewhere. */
  node: NodeFile | null;
  database: "ready" | "unavailable";
  workspace: WorkspaceStatus;
  runtimes: Runtime[];
  blocked: Participant[];
  dead_letters: DeadLetter[];
  quarantined: QuarantinedActor[];
}

export function statusPage(report: StatusReport, paper: Paper): string {
  const { workspace, blocked, dead_letters: letters, quarantined } = report;
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
      letters.length === 0 ? "" : deadLetterTable({ dead_letters: letters, ...noMore }, paper),
    ),
    section(
      paper,
      "Quarantined actors",
      quarantined.length === 0 ? "" : quarantineTable({ actors: quarantined, ...noMore }, paper),
    ),
  ].join("");
}

function facts(report: StatusReport, { now }: Paper): [string, string][] {
  const { url, node, database, workspace, runtimes, blocked } = report;
  const process = node === null ? [] : [`pid ${node.pid}`, `up ${durationText(now - node.startedAt)}`];
  return [
    ["node", [url, ...process].join(", ")],
    ["database", database],
    ["workspace", `${workspace.workspace_id} on ${workspace.host}`],
    ["injection", workspace.injection],
    ["threads", counts(workspace.threads)],
    ["messages", String(workspace.messages)],
    ["runtimes", stateCounts(runtimes)],
    ["actors", counts(workspace.actors)],
    ["waiting", waiting(workspace)],
    ["effects", counts(workspace.effects)],
    ["blocked", String(blocked.length)],
    ["dead letters", String(workspace.dead_letters)],
    ...(workspace.tokens_ending === 0 ? [] : [tokensEnding(workspace)]),
  ];
}

function tokensEnding({ tokens_ending: count }: WorkspaceStatus): [string, string] {
  return ["tokens", `${count} ending within the hour: see rouse tokens list --ending 1h`];
}

function waiting({ mail, quarantined_mail: behind, timers }: WorkspaceStatus): string {
  const apart = behind === 0 ? "" : `, ${behind} mail for quarantined actors`;
  return `${mail} mail, ${timers} timers${apart}`;
}

function stateCounts(runtimes: readonly Runtime[]): string {
  const states: Record<string, number> = {};
  for (const { state } of runtimes) states[state ?? "unknown"] = (states[state ?? "unknown"] ?? 0) + 1;
  return counts(states);
}

export function counts(byName: Readonly<Record<string, number>>): string {
  const parts = Object.entries(byName)
    .filter(([, count]) => count > 0)
    .map(([name, count]) => `${count} ${name}`);
  return parts.length === 0 ? "none" : parts.join(", ");
}

function section(paper: Paper, title: string, body: string): string {
  return body === "" ? "" : `\n${paint(paper, "strong", title)}\n${body}`;
}
