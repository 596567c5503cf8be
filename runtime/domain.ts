import type { ThreadStatus } from "../machines/participant/contract.ts";
import type { BlockReason, EscalationReason } from "../machines/reasons.ts";
import type { Role } from "../machines/roles.ts";

/** Rows of the product's own tables. Times are epoch ms; ids match `[a-z0-9-]+`. */

export interface Thread {
  threadId: string;
  title: string;
  type: string;
  createdBy: string;
  createdAt: number;
  /** Written by the thread's chart only (record `thread.statusChanged`). */
  status: ThreadStatus;
  statusReason: string;
  statusBy: string;
  updatedAt: number;
  /** Seq of the oldest message that is kept: 1, until retention deletes from the beginning. */
  firstSeq: number;
  /** Seq of the newest message, 0 when none. */
  headSeq: number;
}

export const messageKinds = ["message", "finding", "decision", "question"] as const;
export type MessageKind = (typeof messageKinds)[number];

export interface Message {
  threadId: string;
  /** Gap-free per thread, from 1. */
  seq: number;
  author: string;
  authorRole: Role;
  kind: MessageKind;
  body: string;
  /** Agents it is directed to; null is a broadcast. */
  to: readonly string[] | null;
  inReplyTo: number | null;
  createdAt: number;
}

/** `wantsReply`: each member that it addresses owes a reply until it posts in the thread itself. Default: false. */
export type NewMessage = Omit<Message, "seq" | "createdAt"> & { wantsReply?: boolean };

export interface AppendedMessage {
  message: Message;
  /** Members that it addresses, its author excluded. */
  addressed: string[];
  /** Of the thread, which stays as it is until the transaction ends: a close that came first is seen. */
  threadStatus: ThreadStatus;
  /** Its author owed a reply: this is it. */
  settlesReply: boolean;
}

/** An agent's membership of a thread. */
export interface Member {
  threadId: string;
  agentId: string;
  joinedAt: number;
  lastReadSeq: number;
  /** Newest message addressed to this member that is not its own, 0 when none. */
  headSeq: number;
  /** Newest message that wants a reply of this member, which posted nothing since; null when none. */
  replyDueSeq: number | null;
}

export interface AgentSession {
  sessionId: string;
  host: string;
  resumable: boolean;
}

export interface Agent {
  agentId: string;
  /** Agent kind, for instance `generic`, or null when we cannot start it. */
  kind: string | null;
  /** Kind-specific launch definition, validated by the kind's module; null when we cannot start it. */
  definition: unknown;
  /** Host on which it may be started, or null. */
  host: string | null;
  session: AgentSession | null;
  lastHeartbeatAt: number | null;
  paused: boolean;
}

/** What a call changed: states of an actor, or a value. Short, and never a secret. */
export interface AuditChange {
  /** For instance `thread/th-1` or `participant/th-1.ann last_read_seq`. */
  of: string;
  /** JSON scalars; null when there was, or is, nothing. */
  before: unknown;
  after: unknown;
}

/** A row's place in the chain of hashes. */
export interface AuditSeal {
  /** Gap-free per workspace, from 1. */
  seq: number;
  /** Of the row before; of the first row: see `chainStart`. */
  previousHash: string;
  /** 64 hex digits; see `auditHash`. */
  hash: string;
  sealedAt: number;
}

export interface AuditEntry {
  auditId: string;
  at: number;
  actor: string;
  /** `anonymous`: counted requests of callers that no token named. */
  role: Role | "node" | "anonymous";
  operation: string;
  subject: string;
  outcome: "done" | "refused";
  /** Error code of a refusal, or null. */
  code: string | null;
  reason: string | null;
  details: unknown;
  changes: readonly AuditChange[];
  requestId: string | null;
  /** Null until a sealer came by, about a second after the commit. */
  seal: AuditSeal | null;
}

export type NewAuditEntry = Omit<AuditEntry, "auditId" | "at" | "seal">;

export interface AuditFilter {
  actor?: string;
  operation?: string;
  subject?: string;
  outcome?: AuditEntry["outcome"];
  code?: string;
  requestId?: string;
  /** Epoch ms, inclusive. */
  since?: number;
  /** Epoch ms, exclusive. */
  until?: number;
}

export interface AuditQuery extends AuditFilter {
  /** `newest` first (the default), or sealed rows in the order of the chain. */
  order?: "newest" | "chain";
  after?: string;
  limit: number;
}

/** One link of the chain as stored; null when its row is gone. */
export interface AuditLink {
  seq: number;
  auditId: string;
  hash: string;
  sealedAt: number;
  entry: AuditEntry | null;
}

/** The end of the chain, and what waits to be sealed. */
export interface AuditHead {
  /** 0 when nothing was sealed yet. */
  seq: number;
  hash: string;
  sealedAt: number | null;
  /** Counted up to `countedUpTo`. */
  unsealed: number;
  oldestUnsealedAt: number | null;
}

/** A row that is neither sealed nor waits for it, or one that waits and is gone. */
export interface StrayAudit {
  auditId: string;
  is: "unannounced" | "gone";
}

/** A problem that a person should see. */
export interface Escalation {
  escalationId: string;
  threadId: string | null;
  agentId: string | null;
  reason: EscalationReason;
  detail: string;
  at: number;
}

/** One wake with its independent evidence. */
export interface WakeReceipt {
  wakeId: string;
  threadId: string;
  agentId: string;
  headSeq: number;
  openedAt: number;
  acknowledgedAt: number | null;
  acknowledgedBy: "heartbeat" | "cursor" | null;
  closedAt: number | null;
  outcome: "read" | "blocked" | "withdrawn" | null;
  reason: BlockReason | null;
  /** The effects performed for it, oldest first. */
  effects: readonly WakeEffect[];
}

export interface WakeEffect {
  port: string;
  attempt: number;
  status: string;
  requestedAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  /** Output or error of the port. */
  outcome: unknown;
}

export interface Page<Row> {
  rows: Row[];
  /** Pass as `after` for the next page; null at the end. */
  next: string | null;
}
