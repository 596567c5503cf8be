import type { Address } from "../../machines/mail.ts";
import type {
  Agent,
  AuditEntry,
  AuditSeal,
  Escalation,
  Member,
  Message,
  Thread,
  WakeReceipt,
} from "../../runtime/domain.ts";
import type {
  Cause,
  DeadLetter,
  EffectAttempt,
  EffectKey,
  NodeBeat,
  IdempotencyRecord,
  NewTokenRecord,
  SigningKey,
  StoredActor,
  StoredEffect,
  StoredJournalEntry,
  TokenCutoff,
  TokenDecision,
} from "../../runtime/store.ts";
import { Table, UndoLog } from "./table.ts";

export interface ActorRow extends StoredActor {
  createdAt: number;
}

export interface MailRow {
  id: number;
  from: string;
  /** JSON text. */
  event: string;
  cause: Cause | null;
  sentAt: number;
}

export interface TimerRow {
  address: Address;
  id: string;
  incarnation: number;
  dueAt: number;
  /** JSON text. */
  event: string;
}

/** `startedAt` is the mark alone here; input and outcome are copies of their own. */
export interface EffectRow extends StoredEffect {
  token: number;
  runAt: number;
  claimedAt: number | null;
  attempts: readonly EffectAttempt[];
}

export interface NodeRow extends NodeBeat {
  startedAt: number;
  beatAt: number;
}

/** All rows of one workspace. */
export class State {
  readonly undo = new UndoLog();
  readonly actors = new Table<ActorRow>(this.undo);
  /** Mail by address; no entry when empty. */
  readonly mailboxes = new Table<readonly MailRow[]>(this.undo);
  /** Addresses by topic. */
  readonly subscriptions = new Table<readonly Address[]>(this.undo);
  readonly timers = new Table<TimerRow>(this.undo);
  readonly effects = new Table<EffectRow>(this.undo);
  /** Keys of effects that are pending or held: the others only grow in number. */
  readonly openEffects = new Table<string>(this.undo);
  readonly journal = new Table<StoredJournalEntry>(this.undo);
  readonly deadLetters = new Table<DeadLetter>(this.undo);
  readonly threads = new Table<Thread>(this.undo);
  /** Messages by thread, in order of seq. */
  readonly messages = new Table<readonly Message[]>(this.undo);
  readonly members = new Table<Member>(this.undo);
  readonly agents = new Table<Agent>(this.undo);
  readonly wakes = new Table<Omit<WakeReceipt, "effects">>(this.undo);
  readonly escalations = new Table<Escalation>(this.undo);
  readonly idempotency = new Table<IdempotencyRecord>(this.undo);
  readonly audit = new Table<{ id: number; entry: Omit<AuditEntry, "seal"> }>(this.undo);
  readonly unsealedAudit = new Table<number>(this.undo);
  /** By audit id. */
  readonly auditSeals = new Table<AuditSeal>(this.undo);
  /** One row, `head`. */
  readonly auditHead = new Table<AuditSeal>(this.undo);
  readonly signingKeys = new Table<SigningKey>(this.undo);
  readonly tokens = new Table<NewTokenRecord & { id: number }>(this.undo);
  readonly revokedTokens = new Table<TokenDecision & { jti: string; expiresAt: number }>(this.undo);
  readonly tokenCutoffs = new Table<TokenCutoff & Omit<TokenDecision, "at"> & { expiresAt: number }>(
    this.undo,
  );
  /** JSON text by name. */
  readonly settings = new Table<string>(this.undo);
  readonly nodes = new Table<NodeRow>(this.undo);
  #lastId = 0;

  /** Increases; not taken back with a transaction. */
  nextId(): number {
    this.#lastId += 1;
    return this.#lastId;
  }
}

/** The rows and the time of one transaction. */
export interface Scope {
  readonly state: State;
  readonly now: number;
}

export function effectKey({ address, incarnation }: EffectKey): string {
  return `${address} ${incarnation}`;
}

/** A copy without what JSON cannot carry, as a database would give it back. */
export function copyOf<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value ?? null)) as Value;
}

/** By UTF-16 units, like the database's byte order for the ids in use. */
export function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
