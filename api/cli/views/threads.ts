import type { Message, Participant, Payloads, Thread } from "../payloads.ts";
import { paint, toneOf, type Paper } from "../render/paper.ts";
import { printable, printableLine } from "../../../runtime/printable.ts";
import { list, table } from "../render/table.ts";
import { clockText, relativeText } from "../render/time.ts";
import { moreText } from "./more.ts";

export function threadTable({ threads, ...page }: Payloads["list_threads"], paper: Paper): string {
  const rows = table(
    paper,
    threads,
    [
      { title: "THREAD", of: (thread) => thread.thread_id },
      { title: "STATUS", of: ({ status }) => ({ text: status, tone: toneOf(status) }) },
      { title: "MESSAGES", of: (thread) => thread.head_seq, align: "right" },
      { title: "BY", of: (thread) => thread.created_by },
      { title: "CHANGED", of: (thread) => relativeText(thread.updated_at, paper.now) },
      { title: "TITLE", of: (thread) => thread.title, most: 60 },
    ],
    "No threads.",
  );
  return rows + moreText(page);
}

export function threadPage({ thread, participants }: Payloads["create_thread"], paper: Paper): string {
  return [
    `${paint(paper, "strong", printableLine(thread.title))}\n`,
    list(threadFacts(thread, paper)),
    "\n",
    participantTable({ participants }, paper),
  ].join("");
}

function threadFacts(thread: Thread, { now }: Paper): [string, string | number | null][] {
  const by = `${thread.status_by}${thread.status_reason === "" ? "" : `: ${thread.status_reason}`}`;
  return [
    ["thread", thread.thread_id],
    ["status", `${thread.status} (${by})`],
    ["type", thread.type],
    ["messages", thread.head_seq],
    ["created", `${relativeText(thread.created_at, now)} by ${thread.created_by}`],
    ["changed", relativeText(thread.updated_at, now)],
  ];
}

export function threadChange({ thread, previous_status }: Payloads["update_thread_status"]): string {
  return `Thread ${thread.thread_id} is ${thread.status} (was ${previous_status}).\n`;
}

export function messagePages(page: Payloads["read_messages"], paper: Paper): string {
  if (page.messages.length === 0) return "No messages.\n";
  const texts = page.messages.map((message) => messageText(message, paper));
  const more = page.has_more
    ? `\nMore: rouse thread read ${page.thread_id} --after ${page.next_after_seq}\n`
    : "";
  return texts.join("\n") + more;
}

/** The body is set in, so that nothing in it can pass for a line of ours. */
function messageText(message: Message, paper: Paper): string {
  const { seq, author, kind, to, in_reply_to: answered, created_at } = message;
  const head = [
    `#${seq} ${author}`,
    ...(to === null ? [] : [`→ ${to.join(", ")}`]),
    ...(kind === "message" ? [] : [`[${kind}]`]),
    ...(answered === null ? [] : [`(answers #${answered})`]),
  ].join(" ");
  const body = printable(message.body)
    .split("\n")
    .map((line) => `  ${line}`.trimEnd())
    .join("\n");
  const time = paint(paper, "faint", clockText(created_at, paper.now));
  return `${paint(paper, "strong", printableLine(head))}  ${time}\n${body}\n`;
}

export function participantTable(
  { participants }: { participants: readonly Participant[] },
  paper: Paper,
): string {
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
      { title: "PRESENCE", of: (one) => one.presence },
      { title: "UNREAD", of: (one) => one.unread, align: "right" },
      { title: "READ", of: (one) => `${one.last_read_seq}/${one.head_seq}`, align: "right" },
      { title: "HEARTBEAT", of: (one) => relativeText(one.last_heartbeat_at, paper.now) },
      { title: "REMARK", of: participantRemark, most: 80 },
    ],
    "No participants.",
  );
}

function participantRemark(one: Participant): string {
  const blocked = one.blocked_reason === null ? [] : [one.blocked_reason];
  const detail = one.blocked_detail === null || one.blocked_detail === "" ? [] : [one.blocked_detail];
  const paused = one.paused_by.length === 0 ? [] : [`paused by ${one.paused_by.join(", ")}`];
  const owes = one.owes_reply === null ? [] : [owedText(one.owes_reply)];
  return [...blocked, ...detail, ...paused, ...owes].join("; ");
}

function owedText({ seq, to, overdue }: NonNullable<Participant["owes_reply"]>): string {
  return `owes ${to} a reply to message ${seq}${overdue ? ", a person was told" : ""}`;
}

export function participantPage(one: Participant, { now }: Paper): string {
  return list([
    ["thread", one.thread_id],
    ["agent", one.agent_id],
    ["attention", one.attention],
    ["presence", one.presence],
    ["states", one.states.join(", ")],
    ["read", `${one.last_read_seq} of ${one.head_seq} (${one.unread} unread)`],
    ["heartbeat", relativeText(one.last_heartbeat_at, now)],
    ["wake", one.wake_id],
    ["remark", participantRemark(one) === "" ? null : participantRemark(one)],
  ]);
}
