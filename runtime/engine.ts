import type { Address } from "../machines/mail.ts";
import type { ActorEvent, Store, StoredActor, Transaction, Work } from "./store.ts";

export interface CreateRequest {
  /** Machine kind in the registry. */
  kind: string;
  address: Address;
  /** JSON input of the machine; the engine adds `now`. */
  input: object;
  /** Agent id of a participant or runtime, otherwise empty. */
  subject?: string;
  /** Topics whose published events reach the actor. */
  topics?: readonly string[];
}

export interface CommandRequest {
  to: Address;
  event: ActorEvent;
  /** Caller, for the journal. */
  from: string;
}

export interface CommandResult {
  /** False when no transition of the chart matched: nothing changed. */
  taken: boolean;
  /** Active leaf state ids before and after the event. */
  before: readonly string[];
  after: readonly string[];
  actor: StoredActor;
}

/** What operations use to move actors of one workspace, inside their own transaction. */
export interface Engine {
  readonly workspaceId: string;
  readonly store: Store;
  /** Creates an actor and performs its first step. Throws `already_exists`, `machine_unknown`. */
  create(tx: Transaction, request: CreateRequest): Promise<void>;
  /**
   * Applies an event at once: pending mail first, then the event, all in the caller's transaction.
   * Throws `actor_not_found`, `actor_quarantined`, or the poison error of the event.
   */
  command(tx: Transaction, request: CommandRequest): Promise<CommandResult>;
  /** To be called after the commit, so that nodes look at once. `work`: as a doorbell's. */
  ring(work?: readonly Work[]): void;
  /** Hears of commits here and on other nodes, now and then of none; returns the function that ends it. */
  onRing(listener: () => void): () => void;
}
