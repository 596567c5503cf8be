import type { Engine } from "../../runtime/engine.ts";
import type { StoredJournalEntry } from "../../runtime/store.ts";

export interface FeedTiming {
  /** Between two looks right after something happened. A turn follows its mail by some milliseconds. */
  soonMs: number;
  /** Between two looks while nothing happens: the doorbell loses rings, and not every turn rings. */
  idleMs: number;
}

const defaultTiming: FeedTiming = { soonMs: 6, idleMs: 250 };
const entriesAtOnce = 500;
/** So many of the latest entries are kept for those who follow at the head. */
const entriesKept = 2_000;

/**
 * The end of one workspace's journal, for all who follow it on this node: one of them looks, all are told. Rests while
 * nobody follows.
 */
export class JournalFeed {
  readonly #engine: Engine;
  readonly #timing: FeedTiming;
  readonly #onError: (error: unknown) => void;
  #followers = 0;
  #upTo: bigint | null = null;
  /** Entries in a row, the newest at `#upTo`; `#keptAfter` is the id before the first of them. */
  #kept: StoredJournalEntry[] = [];
  #keptAfter = 0n;
  #waiting = new Set<() => void>();
  #isRung = false;
  #isFailing = false;
  #hurry: (() => void) | null = null;

  constructor(engine: Engine, onError: (error: unknown) => void, timing: FeedTiming = defaultTiming) {
    this.#engine = engine;
    this.#onError = onError;
    this.#timing = timing;
  }

  /** Keeps the feed running until the returned function is called. */
  follow(): () => void {
    this.#followers += 1;
    if (this.#followers === 1) void this.#run();
    let isOver = false;
    return () => {
      if (isOver) return;
      isOver = true;
      this.#followers -= 1;
      this.#ring();
    };
  }

  /** The newest id that is final. */
  async head(): Promise<bigint> {
    return BigInt((await this.#engine.store.journalHorizon()).upTo);
  }

  /** Entries after an id, oldest first; empty when there is none yet. */
  async read(after: string): Promise<StoredJournalEntry[]> {
    const from = BigInt(after);
    const upTo = this.#upTo ?? (await this.head());
    if (from >= upTo) return [];
    if (this.#upTo !== null && from >= this.#keptAfter) {
      const first = this.#kept.findIndex(({ journalId }) => BigInt(journalId) > from);
      return first < 0 ? [] : this.#kept.slice(first, first + entriesAtOnce);
    }
    return this.#engine.store.listJournal({ after, upTo: String(upTo), limit: entriesAtOnce });
  }

  /** Resolves when there is news, or when the signal is aborted. */
  news(after: string, signal: AbortSignal): Promise<void> {
    if (signal.aborted || (this.#upTo !== null && this.#upTo > BigInt(after))) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        this.#waiting.delete(done);
        signal.removeEventListener("abort", done);
        resolve();
      };
      this.#waiting.add(done);
      signal.addEventListener("abort", done);
    });
  }

  async #run(): Promise<void> {
    const endRings = this.#engine.onRing(() => this.#ring());
    let waitMs = this.#timing.soonMs;
    while (this.#followers > 0) {
      const hasNews = await this.#look().catch((error: unknown) => this.#noteFailure(error));
      waitMs = hasNews ? this.#timing.soonMs : Math.min(waitMs * 1.5, this.#timing.idleMs);
      if (await this.#pause(waitMs)) waitMs = this.#timing.soonMs;
    }
    endRings();
    this.#upTo = null;
    this.#kept = [];
    for (const tell of [...this.#waiting]) tell();
  }

  /** True when entries came, or are about to. */
  async #look(): Promise<boolean> {
    const { upTo: newest, isBehind } = await this.#engine.store.journalHorizon();
    const upTo = BigInt(newest);
    this.#isFailing = false;
    if (this.#upTo === null) {
      this.#keptAfter = upTo;
      this.#upTo = upTo;
    }
    if (upTo <= this.#upTo) return isBehind;
    await this.#keep(String(this.#upTo), upTo);
    this.#upTo = upTo;
    for (const tell of [...this.#waiting]) tell();
    return true;
  }

  /** Followers wait; said once for all tries until it works again. */
  #noteFailure(error: unknown): boolean {
    if (!this.#isFailing) this.#onError(error);
    this.#isFailing = true;
    return false;
  }

  async #keep(after: string, upTo: bigint): Promise<void> {
    let from = after;
    while (BigInt(from) < upTo) {
      const entries = await this.#engine.store.listJournal({
        after: from,
        upTo: String(upTo),
        limit: entriesAtOnce,
      });
      this.#kept.push(...entries);
      const last = entries.at(-1);
      if (last === undefined) break;
      from = last.journalId;
    }
    const tooMany = this.#kept.length - entriesKept;
    if (tooMany <= 0) return;
    const [dropped] = this.#kept.splice(0, tooMany).slice(-1);
    this.#keptAfter = BigInt(dropped?.journalId ?? 0);
  }

  #ring(): void {
    this.#isRung = true;
    this.#hurry?.();
  }

  /** True when it was rung. A ring ends a long pause at once, and a short one not at all: rings come in bursts. */
  #pause(ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const finish = (): void => {
        clearTimeout(timer);
        this.#hurry = null;
        const wasRung = this.#isRung;
        this.#isRung = false;
        resolve(wasRung);
      };
      const timer = setTimeout(finish, ms);
      if (ms <= this.#timing.soonMs) return;
      this.#hurry = finish;
      if (this.#isRung) finish();
    });
  }
}
