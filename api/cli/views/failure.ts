import type { Payloads } from "../payloads.ts";
import { paint, toneOf, type Paper } from "../render/paper.ts";
import { list, table } from "../render/table.ts";
import { clockText, relativeText } from "../render/time.ts";
import { journalTable } from "./evidence.ts";
import { moreText } from "./more.ts";

const noMore = { has_more: false, next_cursor: null };

export function deadLetterTable(
  { dead_letters, ...page }: Payloads["list_dead_letters"],
  paper: Paper,
): string {
  const rows = table(
    paper,
    dead_letters,
    [
      { title: "ID", of: (letter) => letter.dead_letter_id, align: "right" },
      { title: "AT", of: (letter) => clockText(letter.at, paper.now) },
      { title: "ACTOR", of: (letter) => letter.address },
      { title: "EVENT", of: (letter) => letter.event.type },
      { title: "FROM", of: (letter) => letter.from },
      {
        title: "STATUS",
        of: ({ status }) => ({ text: status, tone: status === "open" ? "warning" : "faint" }),
      },
      { title: "CODE", of: (letter) => letter.error.code },
      { title: "ERROR", of: (letter) => letter.error.message, most: 80 },
    ],
    "No dead letters.",
  );
  return rows + moreText(page);
}

export function deadLetterPage(payload: Payloads["get_dead_letter"], paper: Paper): string {
  const { dead_letter: letter, actor_status: actorStatus, journal } = payload;
  const { cause, decision } = letter;
  const facts = list([
    ["dead letter", letter.dead_letter_id],
    ["actor", `${letter.address} (${actorStatus ?? "does not exist"})`],
    ["at", clockText(letter.at, paper.now)],
    ["from", letter.from],
    ["event", JSON.stringify(letter.event)],
    ["cause", cause === null ? null : `${cause.type} ${cause.id}, incarnation ${cause.incarnation}`],
    ["error", `${letter.error.message} (${letter.error.code})`],
    ["status", letter.status],
    [
      "decided",
      decision === null
        ? null
        : `by ${decision.by}, ${relativeText(decision.at, paper.now)}: ${decision.reason}`,
    ],
  ]);
  if (journal.length === 0) return facts;
  return `${facts}\n${paint(paper, "strong", "Journal around it")}\n${journalTable({ entries: journal, ...noMore }, paper)}`;
}

export function quarantineTable({ actors, ...page }: Payloads["list_quarantined"], paper: Paper): string {
  const rows = table(
    paper,
    actors,
    [
      { title: "ACTOR", of: (actor) => actor.address },
      { title: "SINCE", of: (actor) => relativeText(actor.since, paper.now) },
      { title: "MAIL", of: (actor) => actor.waiting_mail, align: "right" },
      { title: "LETTER", of: (actor) => actor.dead_letter_id, align: "right" },
      { title: "CODE", of: ({ error }) => error?.code ?? null },
      { title: "ERROR", of: ({ error }) => error?.message ?? null, most: 80 },
    ],
    "No quarantined actors.",
  );
  return rows + moreText(page);
}

export function effectTable({ effects }: Payloads["list_effects"], paper: Paper): string {
  return table(
    paper,
    effects,
    [
      { title: "REQUESTED", of: (effect) => clockText(effect.requested_at, paper.now) },
      { title: "ACTOR", of: (effect) => effect.address },
      { title: "NO", of: (effect) => effect.incarnation, align: "right" },
      { title: "PORT", of: (effect) => effect.port },
      { title: "STATUS", of: ({ status }) => ({ text: status, tone: toneOf(status) }) },
      { title: "ATTEMPT", of: attemptText, align: "right" },
      { title: "NODE", of: (effect) => effect.node_id },
      {
        title: "NEXT TRY",
        of: ({ next_try_at: next }) => (next === null ? null : relativeText(next, paper.now)),
      },
    ],
    "No effects.",
  );
}

function attemptText({
  attempt,
  most_attempts: most,
}: {
  attempt: number;
  most_attempts: number | null;
}): string {
  return most === null ? String(attempt) : `${attempt}/${most}`;
}

export function effectPage(payload: Payloads["get_effect"], paper: Paper): string {
  const { effect, input, attempts, policy } = payload;
  const facts = list([
    ["effect", `${effect.incarnation} of ${effect.address}`],
    ["port", effect.port],
    ["status", effect.status],
    ["meaning", effect.sentence],
    ["attempt", attemptText(effect)],
    ["held by", effect.lease_expires_at === null ? null : effect.node_id],
    ["lease until", effect.lease_expires_at],
    ["next try", effect.next_try_at],
    ["host", effect.host],
    ["policy", policy === null ? null : policyText(policy)],
    ["input", JSON.stringify(input)],
    ["outcome", effect.outcome === null ? null : JSON.stringify(effect.outcome)],
  ]);
  const rows = table(
    paper,
    attempts,
    [
      { title: "ATTEMPT", of: ({ attempt }) => attempt, align: "right" },
      { title: "NODE", of: (attempt) => attempt.node_id },
      { title: "CLAIMED", of: (attempt) => clockText(attempt.claimed_at, paper.now) },
      { title: "BEGUN", of: ({ started_at: at }) => (at === null ? null : clockText(at, paper.now)) },
      { title: "ENDED", of: ({ finished_at: at }) => (at === null ? null : clockText(at, paper.now)) },
      { title: "OUTCOME", of: ({ outcome }) => outcome },
      {
        title: "ERROR",
        of: ({ error }) => (error === null ? null : `${error.message} (${error.code})`),
        most: 80,
      },
    ],
    "No attempts yet.",
  );
  return `${facts}\n${rows}`;
}

function policyText(policy: NonNullable<Payloads["get_effect"]["policy"]>): string {
  const {
    repeat,
    most_attempts: most,
    backoff_ms: first,
    max_backoff_ms: last,
    timeout_ms: timeout,
  } = policy;
  const times = most === null ? "as long as its state" : `at most ${most} attempts`;
  const limit = timeout === null ? "" : `, ${timeout} ms each`;
  return `${repeat}, ${times}${limit}, ${first} to ${last} ms between them`;
}

export function nodeTable({ now, nodes }: Payloads["list_nodes"], paper: Paper): string {
  return table(
    paper,
    nodes,
    [
      { title: "NODE", of: (node) => node.node_id },
      { title: "HOST", of: (node) => node.host },
      { title: "PID", of: (node) => node.pid, align: "right" },
      { title: "URL", of: (node) => node.url },
      // Beats are by the database's clock, so their age is, too.
      { title: "BEAT", of: (node) => relativeText(node.last_beat_at, Date.parse(now)) },
      { title: "STARTED", of: (node) => relativeText(node.started_at, Date.parse(now)) },
      { title: "IN HAND", of: (node) => node.effects_in_hand, align: "right" },
      { title: "CHARTS", of: (node) => node.charts.join(", "), most: 60 },
      { title: "REMARK", of: ({ draining }) => (draining ? { text: "draining", tone: "warning" } : null) },
    ],
    "No nodes.",
  );
}
