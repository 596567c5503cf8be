import type { Address } from "../machines/mail.ts";
import type {
  Agent,
  AgentSession,
  AppendedMessage,
  AuditEntry,
  AuditHead,
  AuditLink,
  AuditQuery,
  Escalation,
  Member,
  Message,
  NewAuditEntry,
  NewMessage,
  Page,
  StrayAudit,
  Thread,
  WakeReceipt,
} from "./domain.ts";
import type {
  ActorEvent,
  NewMail,
  StoredActor,
  Claim,
  ClaimRequest,
  StoredJournalEntry,
  TurnCommit,
  Lease,
  ClaimedEffect,
  EffectOutcome,
  EffectAttempt,
  EffectKey,
  StoredEffect,
  DeadLetter,
  DeadLetterStatus,
  IdempotencyRecord,
  JournalHorizon,
  NodeBeat,
  NodeIdentity,
  QuarantinedActor,
  StoredNode,
} from "./rows.ts";
import type { TokenTransaction } from "./token-records.ts";

export type * from "./rows.ts";
export type * from "./token-records.ts";
export { countedUpTo, silentNodeKeptMs } from "./rows.ts";

/**
 * Durable state of one workspace. Two implementations (Postgres, in-memory) pass one conformance suite.
 * All times are epoch ms of the store's own clock (Postgres: the database's), the authority for timers and leases.
 */

/** One open transaction. Reads see its own writes. Nothing is visible to others before it ends well. */
export interface Transaction extends TokenTransaction {
  /** Constant within the transaction. */
  readonly now: number;

  /**
   * Actors with mail that nobody else holds, their rows locked until the end. Quarantined ones are left out, and those
   * stored by another chart than `machineHashes` names; left out: by any.
   */
  claimReady(request: ClaimRequest): Promise<Claim[]>;
  /**
   * Actors with mail whose chart (`kind@hash`) is neither among these nor declared by a node that was heard of within
   * `lostAfterMs`; none while a node of a release that declares no charts is. Locked until the end, those that others
   * hold left out.
   */
  claimUnrunnable(request: {
    charts: readonly string[];
    lostAfterMs: number;
    limit: number;
  }): Promise<StoredActor[]>;
  /** Actors of these charts that were set aside because nobody had them (`machineMissing`); locked likewise. */
  claimSetAside(request: { charts: readonly string[]; limit: number }): Promise<StoredActor[]>;
  /** Locks one actor (waiting for another holder) with all its mail; null when it does not exist. */
  claimActor(address: Address): Promise<Claim | null>;
  /**
   * Throws `conflict` when an actor's version or mail is not as expected, `already_exists` on creating twice; either
   * undoes the whole transaction, also when `work` swallows it. Outgoing mail without an addressee becomes a dead letter.
   */
  commitTurns(commits: readonly TurnCommit[]): Promise<void>;
  /** Mail from outside an actor. Throws `actor_not_found` when an addressee does not exist. */
  send(mail: readonly NewMail[]): Promise<void>;
  publish(message: { topic: string; from: string; event: ActorEvent }): Promise<void>;
  getActor(address: Address): Promise<StoredActor | null>;
  /**
   * Decides over an open dead letter, once: `requeued` puts its mail, with its cause, at the end of the actor's mailbox.
   * Throws `not_found`, `actor_not_found`, and `transition_refused` when it was decided otherwise; the same again is not `changed`.
   */
  decideDeadLetter(request: {
    deadLetterId: string;
    status: Exclude<DeadLetterStatus, "open">;
    by: string;
    reason: string;
  }): Promise<{ letter: DeadLetter; changed: boolean }>;
  getDeadLetter(deadLetterId: string): Promise<DeadLetter | null>;
  /** Deletes the nodes of a host that is silent for so long; false when it is not, or another caller did. */
  forgetHost(request: { host: string; lostAfterMs: number }): Promise<boolean>;
  /** By kind and subject, newest first. */
  listActorsBySubject(query: { kind: string; subject: string }): Promise<StoredActor[]>;

  insertThread(thread: Omit<Thread, "firstSeq" | "headSeq" | "createdAt" | "updatedAt">): Promise<void>;
  getThread(threadId: string): Promise<Thread | null>;
  /** Newest first. `agentId` keeps the threads of that member. */
  listThreads(query: {
    status?: string;
    agentId?: string;
    after?: string;
    limit: number;
  }): Promise<Page<Thread>>;
  /** Assigns the next seq and moves the addressed members' heads. Throws `thread_not_found`. */
  appendMessage(message: NewMessage): Promise<AppendedMessage>;
  listMessages(query: { threadId: string; afterSeq: number; limit: number }): Promise<Message[]>;
  /** Latest first. */
  listLatestMessages(query: { threadId: string; limit: number }): Promise<Message[]>;
  /** From then until the end nobody posts in the thread, and `pauseAgent` and `putSetting` of others wait. */
  insertMember(member: { threadId: string; agentId: string }): Promise<void>;
  getMember(key: { threadId: string; agentId: string }): Promise<Member | null>;
  /** Those of these agents that are members, in key order. */
  getMembers(keys: { threadId: string; agentIds: readonly string[] }): Promise<Member[]>;
  listMembers(threadId: string): Promise<Member[]>;
  /** Forward only and never past the thread's head; returns the cursor as it is afterwards. */
  advanceCursor(request: { threadId: string; agentId: string; seq: number }): Promise<Member>;
  /** Addressed messages above the member's cursor, its own excluded. */
  countUnread(key: { threadId: string; agentId: string }): Promise<number>;
  /** Members with unread messages in threads that are not closed, in key order. */
  listUnreadMembers(query: { after?: string; limit: number }): Promise<Page<Member>>;

  putAgent(agent: Pick<Agent, "agentId" | "kind" | "definition" | "host">): Promise<void>;
  getAgent(agentId: string): Promise<Agent | null>;
  listAgents(query: { after?: string; limit: number }): Promise<Page<Agent>>;
  /** Creates the agent when it is new. `session: null` leaves the session as it is. */
  recordHeartbeat(request: { agentId: string; session: AgentSession | null }): Promise<Agent>;
  /** Creates the agent when it is new. */
  pauseAgent(request: { agentId: string; paused: boolean }): Promise<void>;

  getIdempotent(key: { caller: string; key: string }): Promise<IdempotencyRecord | null>;
  putIdempotent(key: { caller: string; key: string }, record: IdempotencyRecord): Promise<void>;
  /** Rows are only ever added; `sealAudit` chains them after the commit. */
  appendAudit(entry: NewAuditEntry): Promise<void>;

  /** Named settings of the workspace, such as the pause switch. JSON values. */
  getSetting(name: string): Promise<unknown>;
  putSetting(name: string, value: unknown): Promise<void>;
}

export interface TransactionOptions {
  lease?: Lease;
  readOnly?: boolean;
  /** What `work` will give to `claimReady`, first of all: a store may claim while it still begins. */
  firstClaim?: ClaimRequest;
  /**
   * May be done in one transaction with others of this name that wait at the same moment, and ends as it would alone. Each
   * call of `work` is given a `tx` of its own; it awaits nothing but that.
   */
  group?: string;
}

export interface Store {
  readonly workspaceId: string;
  /**
   * Runs `work` in one transaction. With a lease, throws `lease_lost` unless it is current at commit.
   * Other errors: whatever `work` throws (nothing is written), `database_unavailable`, `commit_outcome_unknown`.
   */
  transaction<Result>(
    work: (tx: Transaction) => Promise<Result>,
    options?: TransactionOptions,
  ): Promise<Result>;

  /** Turns due timers into mail, each once. `nextDueInMs` is null when none is armed. */
  fireTimers(request: { limit: number }): Promise<{ fired: number; nextDueInMs: number | null }>;

  /** Pending effects of these ports that may run on this host, leased to the node. Marks them running. */
  claimEffects(request: {
    nodeId: string;
    host: string;
    ports: readonly string[];
    limit: number;
    leaseMs: number;
  }): Promise<ClaimedEffect[]>;
  /**
   * Effects whose lease ran out, leased to this node anew, for the engine to settle or run again. `includingOwn`: also
   * those that this node's id still holds, for a node that has just started and so performs none of them.
   */
  claimExpiredEffects(request: {
    nodeId: string;
    limit: number;
    leaseMs: number;
    includingOwn?: boolean;
  }): Promise<ClaimedEffect[]>;
  /** Marks the first outside act of a once-only effect. Throws `lease_lost`. */
  startEffect(lease: Lease): Promise<void>;
  /** Extends leases; returns those that are no longer ours (expired and taken, or cancelled by the chart). */
  renewLeases(request: { leases: readonly Lease[]; leaseMs: number }): Promise<Lease[]>;
  /** Its performer has stopped: a cancelled effect gives its exclusive key free. Nothing happens under a lease that is not the latest. */
  releaseEffect(lease: Lease): Promise<void>;
  /** Records the outcome and mails it to the actor. Throws `lease_lost`. */
  settleEffect(lease: Lease, outcome: EffectOutcome): Promise<void>;
  /** Delay until the earliest pending effect that waits for its time, or null. */
  nextEffectInMs(): Promise<number | null>;

  /**
   * Heartbeat of a node; returns the other hosts of which no node was heard for `lostAfterMs`, until they are forgotten.
   * Throws `node_id_taken` (details: the holder, as `NodeHolder`) while another instance was heard of within that time;
   * `replaces` names an instance that is known to have ended. Nodes of the same host are forgotten `silentNodeKeptMs` after
   * they were heard of.
   */
  beatNode(request: NodeBeat & { lostAfterMs: number; replaces?: string }): Promise<{ lost: string[] }>;
  /** Nothing happens when another instance holds the id by now. */
  removeNode(node: NodeIdentity): Promise<void>;
  /** In order of their ids. */
  listNodes(): Promise<StoredNode[]>;

  getActor(address: Address): Promise<StoredActor | null>;
  listActors(query: { kind: string; after?: string; limit: number }): Promise<Page<StoredActor>>;
  /** `after` is a seq for one address, else a journal id over the workspace; `upTo` is a journal id, itself included. Oldest first. */
  listJournal(query: {
    address?: Address;
    after?: string;
    upTo?: string;
    limit: number;
  }): Promise<StoredJournalEntry[]>;
  /** How far the journal is final, for whoever follows it by its ids. Each call looks anew, and never goes back. */
  journalHorizon(): Promise<JournalHorizon>;
  /** Newest first. */
  listEffects(query: {
    address?: Address;
    status?: StoredEffect["status"];
    limit: number;
  }): Promise<StoredEffect[]>;
  getEffect(key: EffectKey): Promise<StoredEffect | null>;
  /** Oldest first. */
  listAttempts(key: EffectKey): Promise<EffectAttempt[]>;
  listTimers(address: Address): Promise<{ id: string; incarnation: number; dueAt: number }[]>;
  /** Newest first. */
  listWakes(query: {
    threadId?: string;
    agentId?: string;
    wakeId?: string;
    limit: number;
  }): Promise<WakeReceipt[]>;
  /** Newest first. */
  listDeadLetters(query: {
    address?: Address;
    /** Of the error. */
    code?: string;
    status?: DeadLetterStatus;
    after?: string;
    limit: number;
  }): Promise<Page<DeadLetter>>;
  getDeadLetter(deadLetterId: string): Promise<DeadLetter | null>;
  /** In order of their addresses. */
  listQuarantined(query: { after?: string; limit: number }): Promise<Page<QuarantinedActor>>;
  /** Newest first. */
  listEscalations(query: { threadId?: string; after?: string; limit: number }): Promise<Page<Escalation>>;
  listAudit(query: AuditQuery): Promise<Page<AuditEntry>>;
  getAudit(auditId: string): Promise<AuditEntry | null>;
  /**
   * Chains committed rows that are not sealed yet, in one transaction; returns how many. One caller at a time: another
   * gets 0. `sweep` also takes up rows that a release before the chain wrote.
   */
  sealAudit(request: { limit: number; sweep?: boolean }): Promise<number>;
  getAuditHead(): Promise<AuditHead>;
  /** In order of the chain, without judging it. */
  listAuditLinks(query: { afterSeq: number; limit: number }): Promise<AuditLink[]>;
  /** Among the next `scan` rows after this id, and, on the last page, rows that wait and are gone. */
  listStrayAudit(query: { after?: string; scan: number }): Promise<Page<StrayAudit>>;
  /** Counts for `status` and metrics. Ended effects (done and cancelled together) are counted up to `countedUpTo`. */
  counts(): Promise<{
    actors: Record<string, number>;
    /** Not yet applied; without what waits for quarantined actors. */
    mail: number;
    quarantinedMail: number;
    timers: number;
    effects: Record<string, number>;
    /** Those that nobody has decided over. */
    deadLetters: number;
    messages: number;
    /** By status. */
    threads: Record<string, number>;
    /** When the oldest of `mail` was sent; null when there is none. */
    oldestMailAt: number | null;
  }>;
  close(): Promise<void>;
}

/** What a node's loops look for: mail to apply, timers that may be due sooner, effects to perform. */
export const works = ["mail", "timers", "effects"] as const;
export type Work = (typeof works)[number];

/** Carries no truth: it only says that somebody should look. Rings coalesce; polling remains. */
export interface Doorbell {
  /** Without `work` any of it may be waiting; with none of it something was committed all the same. */
  ring(work?: readonly Work[]): void;
  /** Called at every ring, or only at those for `work`. Returns the function that ends the subscription. */
  onRing(listener: () => void, work?: Work): () => void;
  close(): Promise<void>;
}
