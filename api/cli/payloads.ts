import type { z } from "zod";
import type { participantShape } from "../operations/participant-view.ts";
import type { runtimeShape } from "../operations/runtime-view.ts";
import type { messageShape, threadShape } from "../operations/thread-view.ts";
import type { OperationName } from "./routes.ts";

/** The parts of every operation's answer that the command line reads. Answers may hold more. */

export type Thread = z.output<typeof threadShape>;
export type Message = z.output<typeof messageShape>;
export type Participant = z.output<typeof participantShape>;
export type Runtime = z.output<typeof runtimeShape>;

export interface Page {
  next_cursor: string | null;
  has_more: boolean;
}

export interface Agent {
  agent_id: string;
  kind: string | null;
  host: string | null;
  spawnable: boolean;
  paused: boolean;
  session: { session_id: string; host: string; resumable: boolean } | null;
  last_heartbeat_at: string | null;
}

export interface WakeEffect {
  port: string;
  attempt: number;
  status: string;
  requested_at: string;
  started_at: string | null;
  finished_at: string | null;
  outcome: unknown;
}

export interface Wake {
  wake_id: string;
  thread_id: string;
  agent_id: string;
  head_seq: number;
  opened_at: string;
  acknowledged_at: string | null;
  acknowledged_by: string | null;
  closed_at: string | null;
  outcome: string | null;
  reason: string | null;
  effects: WakeEffect[];
}

export interface JournalEntry {
  journal_id: string;
  address: string;
  seq: number;
  at: string;
  from: string;
  event: { type: string };
  transitions: string[];
  states: string[];
  dropped: string | null;
}

export interface DeadLetter {
  address: string;
  at: string;
  from: string;
  event: { type: string };
  error: { code: string; message: string };
}

export interface AuditEntry {
  at: string;
  actor: string;
  role: string;
  operation: string;
  subject: string;
  outcome: "done" | "refused";
  code: string | null;
  reason: string | null;
}

export interface Explanation {
  sentence: string;
  next: string;
  participant: Participant;
  chart: { state: string; descriptions: string[] }[];
  facts: Record<string, string | number | null>;
  wake: {
    wake_id: string;
    opened_at: string;
    triggers: number;
    resumes: number;
    spawns: number;
    forced: boolean;
    hops: { hop: string; at: string; outcome: string; reason: string | null }[];
  } | null;
  timers: { id: string; due_at: string }[];
  effects: { port: string; status: string; attempt: number; requested_at: string }[];
}

export interface WorkspaceStatus {
  workspace_id: string;
  host: string;
  injection: "paused" | "open";
  messages: number;
  mail: number;
  timers: number;
  dead_letters: number;
  actors: Record<string, number>;
  effects: Record<string, number>;
}

interface Excerpt {
  seq: number;
  author: string;
  kind: Message["kind"];
  text: string;
}

export interface Trigger {
  thread_id: string;
  agent_id: string;
  action: string;
  reason: string | null;
  next_step: string | null;
  wake_id: string | null;
  trace_id: string;
}

export interface IssuedToken {
  token: string | null;
  jti: string;
  agent_id: string;
  role: string;
  session_id: string;
  expires_at: string;
}

interface Decision {
  participant: Participant;
  previous_attention: string | null;
}

export interface Payloads extends Record<OperationName, object> {
  create_thread: { thread: Thread; participants: Participant[] };
  get_thread: { thread: Thread; participants: Participant[] };
  list_threads: Page & { threads: Thread[] };
  post_message: { thread_id: string; seq: number; addressed: string[] };
  read_messages: {
    thread_id: string;
    messages: Message[];
    next_after_seq: number;
    has_more: boolean;
    head_seq: number;
    last_read_seq: number | null;
  };
  ack_read: { thread_id: string; last_read_seq: number; unread: number };
  update_thread_status: { thread: Thread; previous_status: string };
  summarize_thread: {
    summary: string;
    status: string;
    open_items: Excerpt[];
    last_decisions: Excerpt[];
  };
  trigger_participant: Trigger;
  add_participant: { participant: Participant };
  list_participants: Page & { participants: Participant[] };
  block_participant: Decision;
  unblock_participant: Decision;
  override_participant: Decision;
  pause_injection: { scope: string; injection: string };
  resume_injection: { scope: string; injection: string };
  explain: { agent_id: string; explanations: Explanation[] };
  list_wakes: { wakes: Wake[] };
  register_agent: { agent: Agent };
  list_agents: Page & { agents: Agent[] };
  register_runtime: { runtime: Runtime };
  list_runtimes: Page & { runtimes: Runtime[] };
  get_runtime: { runtime: Runtime };
  deregister_runtime: { runtime: Runtime };
  reconcile_runtime: { runtime: Runtime };
  change_runtime_management: { runtime: Runtime };
  get_status: WorkspaceStatus;
  get_journal: Page & { entries: JournalEntry[] };
  list_dead_letters: { dead_letters: DeadLetter[] };
  list_audit: Page & { entries: AuditEntry[] };
  issue_token: IssuedToken;
  revoke_token: { jti: string; revoked: true };
}
