import type { Timed } from "../mail.ts";
import type { BlockReason, DeferReason, HopReason } from "../reasons.ts";
import type { Authority } from "../roles.ts";
import type { RuntimeFacts } from "../runtime/contract.ts";
import type { AgentFacts, PauseScope, ThreadStatus, WakePolicy } from "./contract.ts";

export interface ParticipantInput {
  threadId: string;
  agentId: string;
  policy: WakePolicy;
  agent: AgentFacts;
  threadStatus: ThreadStatus;
  /** Where injection is paused already; empty when nowhere. */
  pausedBy: PauseScope[];
}

/** One step of a wake, kept for `explain` and the receipt. */
export interface Hop {
  hop: "trigger" | "resume" | "spawn";
  at: number;
  outcome: "delivered" | "unconfirmed" | "started" | "deferred" | "failed";
  reason: HopReason | DeferReason | null;
}

export interface Wake {
  /** `<threadId>.<agentId>.<n>`, n counts the participant's wakes. */
  wakeId: string;
  openedAt: number;
  /** First hop; from then on the wake counts towards the rate limit. */
  startedAt: number | null;
  /** Deliveries tried by typing since the last start of a runtime or the last progress of the cursor. */
  triggers: number;
  resumes: number;
  spawns: number;
  /** Begin of the first deferral since the last delivery; bounds all of them together. */
  waitingSince: number | null;
  /** Begin of the present kind of deferral. */
  deferredSince: number | null;
  deferReason: DeferReason | null;
  deferRecheckMs: number | null;
  /** Epoch ms of the last delivery, resume or spawn; null before the first. */
  deliveredAt: number | null;
  /** The latest delivery left no evidence of its submission, so bytes may stand in the input box. */
  uncertain: boolean;
  acknowledgedAt: number | null;
  /** The runtime that was typed into or started last, or null. */
  runtimeId: string | null;
  /** Asked for by `trigger.requested` or an override while nothing was unread: a heartbeat fulfils it. */
  requested: boolean;
  /** Set by an operator; passes collision, rate and block guards. */
  forced: boolean;
  /** Newest last, at most 16. */
  hops: Hop[];
}

export interface Block {
  reason: BlockReason;
  at: number;
  detail: string;
  /** Epoch ms of a usage limit's reset, when known. */
  until: number | null;
  /** The thread is blocked; the participant follows it. */
  byThread: boolean;
}

/** Messages that want a reply and have none yet: a burst is one debt. */
export interface OwedReply {
  /** Of the first of them. */
  seq: number;
  /** Of the latest. */
  lastSeq: number;
  /** Author of the first. */
  from: string;
}

export interface ParticipantContext {
  threadId: string;
  agentId: string;
  policy: WakePolicy;
  agent: AgentFacts;
  threadStatus: ThreadStatus;
  /** Seq of the newest message addressed to this participant and not its own; 0 when none. */
  headSeq: number;
  lastReadSeq: number;
  /** Addressed messages above the cursor; exact after each post, ack and reconciliation. */
  unread: number;
  wakeCount: number;
  /** The wake under way, or null. */
  wake: Wake | null;
  /** Epoch ms of recent wakes, newest last, bounded by `policy.wakesPerWindow`. */
  recentWakes: number[];
  blocked: Block | null;
  /** Why the thread is blocked; null while it is not, or when the reason is not known. */
  threadBlock: BlockReason | null;
  pausedBy: PauseScope[];
  /** Null when nothing is owed. */
  owed: OwedReply | null;
}

export type ParticipantEvent =
  /** An addressed message that is not the participant's own; sent in the posting transaction. */
  | { type: "message.posted"; seq: number; from: string; wantsReply?: boolean }
  /** The participant's own message, when it owed one; sent in the posting transaction. */
  | { type: "reply.posted"; seq: number }
  /** The cursor moved forward; sent in the acknowledging transaction. `unread` counts what is left. */
  | { type: "ack.received"; lastReadSeq: number; unread: number }
  | {
      type: "heartbeat.received";
      sessionId: string | null;
      host: string | null;
      resumable: boolean;
      /** Epoch ms at which it came: its mail may wait through an outage. Absent in what earlier releases sent. */
      at?: number;
    }
  /** The truth from the tables, sent by reconciliation when it differs or work is unread. */
  | {
      type: "state.reconciled";
      headSeq: number;
      lastReadSeq: number;
      unread: number;
      threadStatus: ThreadStatus;
      agent: AgentFacts;
    }
  | ({ type: "trigger.requested" } & Authority)
  | { type: "runtime.reported"; runtime: RuntimeFacts }
  /** Session or launch definition of the agent changed. */
  | { type: "agent.reported"; agent: Pick<AgentFacts, "session" | "spawnHost"> }
  | { type: "thread.reported"; status: ThreadStatus; reason: BlockReason | null }
  | ({ type: "injection.paused"; scope: PauseScope } & Authority)
  | ({ type: "injection.resumed"; scope: PauseScope } & Authority)
  | ({ type: "override.forced" } & Authority)
  | ({ type: "block.requested" } & Authority)
  | ({ type: "unblock.requested" } & Authority);

export type TimedParticipantEvent = Timed<ParticipantEvent>;
