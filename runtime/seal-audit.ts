import type { Store } from "./store.ts";

/** Rows per transaction: some hundred kilobytes, a few tens of milliseconds. */
const batch = 500;

/**
 * One node's share of sealing the audit: whoever comes first seals, the others find nothing to do. The first pass, and one
 * every ten minutes, also takes up rows of a release that knew no chain.
 */
export class AuditSealer {
  readonly #store: Store;
  readonly #sweepEveryMs: number;
  #sweepInMs = 0;

  constructor(store: Store, sweepEveryMs = 600_000) {
    this.#store = store;
    this.#sweepEveryMs = sweepEveryMs;
  }

  async tick(pollMs: number): Promise<{ againInMs: number }> {
    const sweep = this.#sweepInMs <= 0;
    const sealed = await this.#store.sealAudit({ limit: batch, sweep });
    if (sealed >= batch) return { againInMs: 0 };
    this.#sweepInMs = sweep ? this.#sweepEveryMs : this.#sweepInMs - pollMs;
    return { againInMs: pollMs };
  }
}
