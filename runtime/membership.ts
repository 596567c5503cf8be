import type { Clock } from "./clock.ts";
import { isRouseError, type RouseError } from "./errors.ts";
import type { NodeBeat, NodeHolder, Store } from "./store.ts";

export interface MembershipOptions {
  store: Store;
  clock: Clock;
  identity: Omit<NodeBeat, "draining" | "url">;
  /** Read at each beat: known only once the port is open. */
  url: () => string;
  nodeLostMs: number;
  /** True when that process is known to have ended: then nobody has to wait until its beat is stale. */
  isGone: (holder: NodeHolder) => boolean;
  /** Another instance holds the id now: this one may do nothing more. Called once. */
  onEvicted: (error: Error) => void;
}

/** This process's hold on its node's id: one instance at a time, the first as long as it is heard of. */
export class Membership {
  readonly #options: MembershipOptions;
  #lastBeatAt: number | null = null;
  /** Since when there was no gap between our beats. */
  #steadySince = 0;
  #evicted: Error | null = null;
  #joining: Promise<unknown> | null = null;
  #draining = false;

  constructor(options: MembershipOptions) {
    this.#options = options;
  }

  get isEvicted(): boolean {
    return this.#evicted !== null;
  }

  /**
   * Before work is taken: we hold the id, and were not away so long that somebody else may have taken it.
   * Throws `node_id_taken`, and what the store throws.
   */
  async confirm(): Promise<void> {
    if (this.#evicted !== null) throw this.#evicted;
    if (this.#isRecent(this.#options.clock.now())) return;
    this.#joining ??= this.beat().finally(() => (this.#joining = null));
    await this.#joining;
  }

  /**
   * Returns the other hosts that fell silent, as far as we were there to hear them: when the database comes back after an
   * outage, the first to beat would otherwise take all others for lost. Throws `node_id_taken`.
   */
  async beat(): Promise<{ lost: string[] }> {
    if (this.#evicted !== null) throw this.#evicted;
    try {
      return await this.#send();
    } catch (error) {
      if (!isRouseError(error, "node_id_taken")) throw error;
      const holder = holderOf(error);
      if (this.#options.isGone(holder)) return this.#send(holder.instance);
      if (this.#lastBeatAt !== null) this.#evict(error);
      throw error;
    }
  }

  /** Shows that the node takes no new work. */
  async drain(): Promise<void> {
    this.#draining = true;
    if (this.#lastBeatAt !== null && this.#evicted === null) await this.beat();
  }

  async leave(): Promise<void> {
    const { store, identity } = this.#options;
    if (this.#lastBeatAt !== null && this.#evicted === null) await store.removeNode(identity);
  }

  async #send(replaces?: string): Promise<{ lost: string[] }> {
    const { store, clock, identity, url, nodeLostMs } = this.#options;
    // The beat is as old as the moment before it was sent: a process may be stopped in between.
    const sentAt = clock.now();
    const answer = await store.beatNode({
      ...identity,
      url: url(),
      draining: this.#draining,
      lostAfterMs: nodeLostMs,
      ...(replaces === undefined ? {} : { replaces }),
    });
    if (!this.#isRecent(sentAt)) this.#steadySince = sentAt;
    this.#lastBeatAt = sentAt;
    return sentAt - this.#steadySince >= nodeLostMs / 2 ? answer : { lost: [] };
  }

  /** A clock that was set back tells nothing: it counts as a gap. */
  #isRecent(now: number): boolean {
    if (this.#lastBeatAt === null) return false;
    const sinceMs = now - this.#lastBeatAt;
    return sinceMs >= 0 && sinceMs < this.#options.nodeLostMs / 2;
  }

  #evict(error: Error): void {
    if (this.#evicted !== null) return;
    this.#evicted = error;
    this.#options.onEvicted(error);
  }
}

/** The store that refused wrote them. */
function holderOf({ details }: RouseError): NodeHolder {
  return details as Record<keyof NodeHolder, never>;
}
