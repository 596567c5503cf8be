import type { Clock } from "../../runtime/clock.ts";
import type { Store } from "../../runtime/store.ts";

/** How long an answer of the store counts: the promise of invariant 21. */
export const revocationCacheMs = 2_000;
const mostEntries = 10_000;

/** Which tokens are revoked, asked of the store at most every two seconds per token. */
export class Revocations {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #known = new Map<string, { isRevoked: boolean; at: number }>();

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  async isRevoked(jti: string): Promise<boolean> {
    const known = this.#known.get(jti);
    if (known !== undefined && this.#clock.now() - known.at < revocationCacheMs) return known.isRevoked;
    const at = this.#clock.now();
    const isRevoked = await this.#store.transaction((tx) => tx.isTokenRevoked(jti), { readOnly: true });
    this.#remember(jti, { isRevoked, at });
    return isRevoked;
  }

  note(jti: string): void {
    this.#remember(jti, { isRevoked: true, at: this.#clock.now() });
  }

  #remember(jti: string, entry: { isRevoked: boolean; at: number }): void {
    if (this.#known.size >= mostEntries) this.#known.clear();
    this.#known.set(jti, entry);
  }
}
