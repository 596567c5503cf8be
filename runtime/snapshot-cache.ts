import type { Address } from "../machines/mail.ts";
import type { ActorRecord } from "./kernel.ts";
import type { StoredActor } from "./store.ts";

/** With the default limit about 5,000 participants stay; 100,000 dormant ones cost a node no more than these. */
const defaultLimitBytes = 16 * 1024 * 1024;

/**
 * Records of actors that moved here lately, as objects: their next turn need not parse them. A pure speed-up. An entry
 * is used only for the very text it stands for, so it can't be stale, whoever moved the actor meanwhile, and however
 * the transaction ended for which it was made. The latest used stay.
 */
export class SnapshotCache {
  readonly #entries = new Map<Address, { text: string; record: ActorRecord }>();
  readonly #limitBytes: number;
  #bytes = 0;

  /** `limitBytes`: about what the entries take in memory, whatever the number of actors; see `weightOf`. */
  constructor({ limitBytes = defaultLimitBytes }: { limitBytes?: number } = {}) {
    this.#limitBytes = limitBytes;
  }

  /** The parsed record of the actor as stored, for the caller alone; null when it is not here. */
  take({ address, record: text }: Pick<StoredActor, "address" | "record">): ActorRecord | null {
    const entry = this.#entries.get(address);
    if (entry === undefined) return null;
    // Taken out, so that a chart that changes its context in place, then fails, leaves nothing behind.
    this.#remove(address, entry.text);
    return entry.text === text ? entry.record : null;
  }

  /** Keeps the record of which `text` is the JSON. The caller changes it no more. */
  put({ address, record: text }: Pick<StoredActor, "address" | "record">, record: ActorRecord): void {
    const known = this.#entries.get(address);
    if (known !== undefined) this.#remove(address, known.text);
    if (weightOf(text) > this.#limitBytes) return;
    this.#entries.set(address, { text, record });
    this.#bytes += weightOf(text);
    for (const [oldest, entry] of this.#entries) {
      if (this.#bytes <= this.#limitBytes) return;
      this.#remove(oldest, entry.text);
    }
  }

  get size(): number {
    return this.#entries.size;
  }

  #remove(address: Address, text: string): void {
    this.#entries.delete(address);
    this.#bytes -= weightOf(text);
  }
}

/** Measured on participants: text, objects and bookkeeping together take about two bytes per character. */
function weightOf(text: string): number {
  return 256 + 2 * text.length;
}
