import type { Address } from "../machines/mail.ts";
import type { EngineRecord } from "../machines/records.ts";
import type { ErrorBody } from "./errors.ts";

/** The engine's rows as the store keeps them. Times are epoch ms of the store's clock. */

export interface ActorEvent {
  readonly type: string;
  readonly [key: string]: unknown;
}

/** Ties a completion or a timer's event to the incarnation that asked for it. */
export interface Cause {
  type: "invoke" | "timer";
  id: string;
  incarnation: number;
}

export interface Mail {
  /** Opaque; increases in arrival order within one actor's mailbox. */
  id: string;
  /** Address or caller that sent it. */
  from: string;
  event: ActorEvent;
  cause: Cause | null;
  sentAt: number;
}

export type NewMail = Pick<Mail, "from" | "event"> & { to: Address };

export type ActorStatus = "active" | "done" | "error" | "quarantined";

export interface StoredActor {
  address: Address;
  kind: string;
  /** Agent id of a participant or runtime, for look-up by agent; otherwise empty. */
  subject: string;
  /** Number of mails applied or dropped so far; also the `seq` of the newest journal entry. */
  version: number;
  status: ActorStatus;
  machineVersion: string;
  machineHash: string;
  /** JSON text of the kernel's `ActorRecord`. */
  record: string;
  /** Never goes back. */
  updatedAt: number;
}

export interface ClaimRequest {
  actors: number;
  mailPerActor: number;
  machineHashes?: readonly string[];
  /** Only actors of these, see `shardOf`; absent: of all. */
  shards?: readonly number[];
  /** These are left, and others found behind their mail; absent: none. */
  passedOver?: readonly Address[];
}

export interface Claim {
  actor: StoredActor;
  /** In order of arrival, at most the limit asked for. */
  mail: Mail[];
}

export interface TimerArm {
  id: string;
  incarnation: number;
  delayMs: number;
  event: ActorEvent;
}

export interface EffectRequest {
  /** `invoke.id` in the chart. */
  invokeId: string;
  incarnation: number;
  port: string;
  /** JSON value, validated against the port's schema. */
  input: unknown;
  host: string | null;
  exclusiveKey: string | null;
  correlation: string | null;
}

export interface JournalEntry {
  /** Gap-free per actor, from 1 (the creation). */
  seq: number;
  from: string;
  event: ActorEvent;
  cause: Cause | null;
  /** Ids of the transitions taken, in order; empty when nothing matched. */
  transitions: readonly string[];
  /** Active leaf state ids after the event. */
  states: readonly string[];
  /** Why the mail was not applied (`staleInvoke`, `staleTimer`, `finished`, `poison`), or null. */
  dropped: string | null;
  records: readonly EngineRecord[];
}

export interface StoredJournalEntry extends JournalEntry {
  /** Increases over the whole workspace; not gap-free. */
  journalId: string;
  address: Address;
  at: number;
  machineHash: string;
}

/** Entries are committed in another order than that of their ids: only up to here no smaller id can appear any more. */
export interface JournalHorizon {
  /** A journal id; "0" before the first. */
  upTo: string;
  /** Newer entries are there, behind transactions that may still commit smaller ids: look again soon. */
  isBehind: boolean;
}

/** Everything one turn of one actor changes. Committed together or not at all. */
export interface TurnCommit {
  actor: Omit<StoredActor, "updatedAt">;
  /** Version found when the turn began; null creates the actor. */
  expectedVersion: number | null;
  consumed: readonly Mail[];
  outgoing: readonly NewMail[];
  published: readonly { topic: string; from: string; event: ActorEvent }[];
  /** Net changes: at most one entry per timer id, cancels and arms disjoint. Arming replaces. */
  timersArmed: readonly TimerArm[];
  timersCancelled: readonly string[];
  effectsRequested: readonly EffectRequest[];
  effectsCancelled: readonly { incarnation: number }[];
  records: readonly EngineRecord[];
  journal: readonly JournalEntry[];
  deadLetters: readonly { mail: Mail; error: ErrorBody }[];
  /** Topics to subscribe to; only at creation. */
  subscriptions: readonly string[];
}

export interface EffectKey {
  address: Address;
  incarnation: number;
}

/** Proof that an effect attempt is ours; every later write names it. */
export interface Lease extends EffectKey {
  token: number;
}

export interface ClaimedEffect extends EffectRequest {
  lease: Lease;
  /** 1 for the first. */
  attempt: number;
  /** True when an earlier holder marked it started and never settled it. */
  startedBefore: boolean;
  requestedAt: number;
}

/**
 * Ties work to a trace that is being recorded (W3C Trace Context). Stands as fields of its own in events and in inputs of
 * effects, written and read by whoever records; charts and ports do not look at it.
 */
export interface TraceCarrier {
  traceparent: string;
  tracestate: string;
}

/** `trace` goes on with the event that tells the actor. */
export type EffectOutcome = { trace?: TraceCarrier } & Outcome;

type Outcome =
  | { status: "done"; output: unknown }
  | { status: "failed"; error: ErrorBody }
  | { status: "uncertain"; error: ErrorBody }
  /** Back to pending; the attempt is recorded with its error. */
  | { status: "retry"; error: ErrorBody; delayMs: number };

/** One lease of an effect, from its claim to its end. */
export interface EffectAttempt {
  attempt: number;
  nodeId: string;
  token: number;
  claimedAt: number;
  startedAt: number | null;
  finishedAt: number | null;
  /** `expired`: the node fell silent and another one took over. Null while it runs. */
  outcome: EffectOutcome["status"] | "expired" | "cancelled" | null;
  error: ErrorBody | null;
}

export interface StoredEffect extends EffectRequest, EffectKey {
  status: "pending" | "running" | "done" | "failed" | "cancelled" | "uncertain";
  attempt: number;
  /** Holder of the latest attempt. */
  nodeId: string | null;
  /** When it may be claimed, while it is pending. */
  nextTryAt: number | null;
  /** Null unless somebody holds it. A cancelled one is held until its performer has stopped: so long its exclusive key stays taken. */
  leaseExpiresAt: number | null;
  requestedAt: number;
  /** When it was marked started, else when its latest attempt was claimed. */
  startedAt: number | null;
  finishedAt: number | null;
  /** Output or error body; null before the end. */
  outcome: unknown;
}

export type DeadLetterStatus = "open" | "requeued" | "discarded";

/** Mail set aside: its actor could not process it, or does not exist. Never deleted. */
export interface DeadLetter {
  deadLetterId: string;
  address: Address;
  event: ActorEvent;
  from: string;
  cause: Cause | null;
  error: ErrorBody;
  at: number;
  /** The actor's journal entry that tells of it; null without one (no addressee, or written by an earlier release). */
  journalSeq: number | null;
  status: DeadLetterStatus;
  /** Null while it is open. */
  decision: { by: string; reason: string; at: number } | null;
}

export interface QuarantinedActor {
  actor: StoredActor;
  /** Mail that waits for its release, counted up to `countedUpTo`. */
  mail: number;
}

/** Long queues and histories are counted up to here. */
export const countedUpTo = 10_000;

/** A silent node of a host that lives on is listed so long. */
export const silentNodeKeptMs = 24 * 3_600_000;

/** One process under a node's id. */
export interface NodeIdentity {
  nodeId: string;
  /** New with every start of the process. */
  instance: string;
}

export interface NodeBeat extends NodeIdentity {
  host: string;
  url: string;
  /** Where and as what the process runs, as far as others on the host can check it. */
  process: NodeProcess | null;
  /** Those whose actors can go on there: `kind@hash`. */
  charts: readonly string[];
  draining: boolean;
}

export interface NodeProcess {
  /** Equal for processes that see each other's pids: boot and pid namespace. */
  place: string;
  pid: number;
  pidStartedAt: string;
}

/** Who holds a node's id, as the details of `node_id_taken` tell. */
export interface NodeHolder {
  instance: string;
  host: string;
  process: NodeProcess | null;
  /** Since its last beat. */
  silentMs: number;
}

export interface StoredNode extends NodeBeat {
  startedAt: number;
  beatAt: number;
  effectsInHand: number;
}

export interface IdempotencyRecord {
  operation: string;
  /** Hash of the caller's payload. */
  fingerprint: string;
  response: unknown;
}
