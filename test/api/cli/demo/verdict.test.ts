import { expect, test } from "vitest";
import type { Receipt } from "../../../../api/cli/demo/receipts.ts";
import { judge, type Findings } from "../../../../api/cli/demo/verdict.ts";
import type { Message, Participant } from "../../../../api/cli/payloads.ts";

const message = (seq: number, author: string, inReplyTo: number | null): Message => ({
  seq,
  author,
  in_reply_to: inReplyTo,
  author_role: "participant",
  kind: "message",
  to: null,
  created_at: "2026-01-01T00:00:00.000Z",
  untrusted: true,
  body: `message ${seq}`,
  body_bytes: 9,
  body_cursor: null,
});

const receipt: Receipt = {
  wakeId: "th.ex.1",
  agentId: "ex",
  hops: ["typed (tmux)"],
  deliveries: 1,
  bytes: 80,
  isSubmitted: true,
  isTurnStarted: true,
  acknowledgedBy: "heartbeat",
  outcome: "read",
  latencies: { firstByteMs: 40, submittedMs: 90, ackMs: 300 },
};

const participant: Participant = {
  thread_id: "th",
  agent_id: "ex",
  attention: "caughtUp",
  presence: "idle",
  states: [],
  last_read_seq: 1,
  head_seq: 1,
  unread: 0,
  paused_by: [],
  blocked_reason: null,
  blocked_detail: null,
  owes_reply: null,
  last_heartbeat_at: null,
  wake_id: null,
};

const sound: Findings = {
  messages: [message(1, "op", null), message(2, "ex", 1)],
  expectedPosts: ["op", "ex to #1"],
  receipts: [receipt],
  participants: [participant],
  status: {
    workspace_id: "w",
    host: "h",
    injection: "open",
    messages: 2,
    threads: { active: 1, blocked: 0, resolved: 0, closed: 0 },
    mail: 0,
    oldest_mail_at: null,
    timers: 0,
    quarantined_mail: 0,
    dead_letters: 0,
    tokens_ending: 0,
    actors: {},
    effects: { done: 1, running: 1 },
  },
  given: new Map([["th.ex.1", 1]]),
  sessions: new Map([["ex", new Set(["ses-1"])]]),
};

const problemsOf = (change: Partial<Findings>) =>
  judge({ ...sound, ...change }).flatMap(({ problems }) => problems);

test("a sound story has no problems", () => {
  expect(problemsOf({})).toEqual([]);
});

test.each<[fault: string, change: Partial<Findings>, problem: RegExp]>([
  ["a gap in the numbers", { messages: [message(1, "op", null), message(3, "ex", 1)] }, /holds message #3/],
  ["a lost post", { messages: [message(1, "op", null)] }, /lost: post by ex to #1/],
  ["a doubled post", { messages: [...sound.messages, message(3, "ex", 1)] }, /doubled.*ex to #1/],
  ["a wake that is still open", { receipts: [{ ...receipt, outcome: null }] }, /outcome none/],
  ["a wake that was never acknowledged", { receipts: [{ ...receipt, acknowledgedBy: null }] }, /by nobody/],
  ["a wake given twice for one delivery", { given: new Map([["th.ex.1", 2]]) }, /doubled: wake th.ex.1/],
  ["a delivery that never arrived", { given: new Map() }, /lost: wake th.ex.1/],
  ["a wake without a receipt", { given: new Map([...sound.given, ["th.ex.9", 1]]) }, /no receipt/],
  ["an agent in two sessions", { sessions: new Map([["ex", new Set(["a", "b"])]]) }, /2 sessions/],
  ["unread work", { participants: [{ ...participant, unread: 2 }] }, /2 unread/],
  ["mail that waits", { status: { ...sound.status, mail: 3 } }, /3 events wait/],
  ["a dead letter", { status: { ...sound.status, dead_letters: 1 } }, /1 dead letters/],
  ["work nobody does", { status: { ...sound.status, effects: { pending: 1 } } }, /1 effects are pending/],
])("%s is a problem", (_fault, change, problem) => {
  expect(problemsOf(change).join("\n")).toMatch(problem);
});
