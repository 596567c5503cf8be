import type { Address } from "../machines/mail.ts";
import type {
  Agent,
  AgentSession,
  AuditEntry,
  Escalation,
  Member,
  Message,
  NewMessage,
  Page,
  Thread,
  WakeReceipt,
} from "./domain.ts";
import type {
  ActorEvent,
  NewMail,
  StoredActor,
  Claim,
  StoredJournalEntry,
  TurnCommit,
  Lease,
  ClaimedEffect,
  EffectOutcome,
  EffectAttempt,
  EffectKey,
  StoredEffect,
  DeadLetter,
  IdempotencyRecord,
} from "./rows.ts";

export type * from "./rows.ts";

/**
 * Durable state of one workspace. Two implementations (Postgres, in-memory) pass one conformance suite.
 * All times are epoch ms of the store's own clock (Postgres: the database's), the authority for timers and leases.
 */

/** One open transaction. Reads see its own writes. Nothing is visible to others before it ends well. */
export interface Transaction {
  /** Constant within the transaction. */
  readonly now: number;

  /** Actors with mail that nobody else holds, their rows locked until the end. Quarantined ones are left out. */
  claimReady(request: { actors: number; mailPerActor: number }): Promise<Claim[]>;
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
  /** By kind and subject, newest first. */
  listActorsBySubject(query: { kind: string; subject: string }): Promise<StoredActor[]>;

  insertThread(thread: Omit<Thread, "headSeq" | "createdAt" | "updatedAt">): Promise<void>;
  getThread(threadId: string): Promise<Thread | null>;
  /** Newest first. `agentId` keeps the threads of that member. */
  listThreads(query: {
    status?: string;
    agentId?: string;
    after?: string;
    limit: number;
  }): Promise<Page<Thread>>;
  /** Assigns the next seq, moves the addressed members' heads, and returns the row with the members it addresses (author excluded). */
  appendMessage(message: NewMessage): Promise<{ message: Message; addressed: string[] }>;
  listMessages(query: { threadId: string; afterSeq: number; limit: number }): Promise<Message[]>;
  /** Latest first. */
  listLatestMessages(query: { threadId: string; limit: number }): Promise<Message[]>;
  insertMember(member: { threadId: string; agentId: string }): Promise<void>;
  getMember(key: { threadId: string; agentId: string }): Promise<Member | null>;
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
  appendAudit(entry: Omit<AuditEntry, "at">): Promise<void>;

  revokeToken(request: { jti: string; expiresAt: number; reason: string }): Promise<void>;
  isTokenRevoked(jti: string): Promise<boolean>;
  /** Named settings of the workspace, such as signing keys and the pause switch. JSON values. */
  getSetting(name: string): Promise<unknown>;
  putSetting(name: string, value: unknown): Promise<void>;
}

export interface Store {
  readonly workspaceId: string;
  /**
   * Runs `work` in one transaction. With a lease, throws `lease_lost` unless it is current at commit.
   * Other errors: whatever `work` throws (nothing is written), `database_unavailable`, `commit_outcome_unknown`.
   */
  transaction<Result>(
    work: (tx: Transaction) => Promise<Result>,
    options?: { lease?: Lease; readOnly?: boolean },
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
  /** Records the outcome and mails it to the actor. Throws `lease_lost`. */
  settleEffect(lease: Lease, outcome: EffectOutcome): Promise<void>;
  /** Delay until the earliest pending effect that waits for its time, or null. */
  nextEffectInMs(): Promise<number | null>;

  /**
   * Heartbeat of a node; returns the other hosts of which no node was heard for `lostAfterMs`. Each is told once, to
   * one caller, and again only after one of its nodes was heard of in between.
   */
  beatNode(request: {
    nodeId: string;
    host: string;
    url: string;
    lostAfterMs: number;
  }): Promise<{ lost: string[] }>;
  removeNode(nodeId: string): Promise<void>;

  getActor(address: Address): Promise<StoredActor | null>;
  listActors(query: { kind: string; after?: string; limit: number }): Promise<Page<StoredActor>>;
  /** `after` is a seq for one address, else a journal id over the workspace. Oldest first. */
  listJournal(query: { address?: Address; after?: string; limit: number }): Promise<StoredJournalEntry[]>;
  /** Newest first. */
  listEffects(query: {
    address?: Address;
    status?: StoredEffect["status"];
    limit: number;
  }): Promise<StoredEffect[]>;
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
  listDeadLetters(query: { limit: number }): Promise<DeadLetter[]>;
  /** Newest first. */
  listEscalations(query: { threadId?: string; after?: string; limit: number }): Promise<Page<Escalation>>;
  /** Newest first. */
  listAudit(query: { after?: string; limit: number }): Promise<Page<AuditEntry>>;
  /** Counts for `status` and metrics. */
  counts(): Promise<{
    actors: Record<string, number>;
    mail: number;
    timers: number;
    effects: Record<string, number>;
    deadLetters: number;
    messages: number;
  }>;
  close(): Promise<void>;
}

/** Carries no truth: it only says that somebody should look. Rings coalesce; polling remains. */
export interface Doorbell {
  ring(): void;
  /** Returns the function that ends the subscription. */
  onRing(listener: () => void): () => void;
  close(): Promise<void>;
}
