import type { CryptoKey } from "jose";
import type { Clock } from "../../runtime/clock.ts";
import type { SigningKey, Store, TokenTrust } from "../../runtime/store.ts";
import { longestLifetimeMs, type TokenCaller } from "../operations/tokens.ts";
import { importKey } from "./keys.ts";

/** How long an answer of the store counts: the promise of invariant 21. */
export const trustCacheMs = 2_000;
/** The doorbell rings with every commit of anything: it makes us look sooner, but not each time. */
const ringPauseMs = 250;
/** Whoever sends made-up key ids must not make us ask the store each time. */
const asksPerSecond = 10;

export interface TrustedKey {
  key: CryptoKey;
  isRetired: boolean;
}

/** Keys and revocations as the store had them some moments ago. */
export class Known {
  /** By this process's clock. */
  readonly readAt: number;
  readonly keys: ReadonlyMap<string, TrustedKey>;
  readonly #offsetMs: number;
  readonly #revoked: Set<string>;
  readonly #cutoffs: ReadonlyMap<string, number>;

  constructor(
    { now, revoked, cutoffs }: TokenTrust,
    { readAt, keys }: { readAt: number; keys: Map<string, TrustedKey> },
  ) {
    this.readAt = readAt;
    this.keys = keys;
    this.#offsetMs = now - readAt;
    this.#revoked = new Set(revoked);
    this.#cutoffs = new Map(
      cutoffs.map(({ agentId, sessionId, revokedBefore }) => [cutoffKey(agentId, sessionId), revokedBefore]),
    );
  }

  /** The store's time, when this process's clock tells `localNow`: nodes whose clocks differ agree on what has expired. */
  storeTime(localNow: number): number {
    return localNow + this.#offsetMs;
  }

  isRevoked({ jti, agentId, sessionId, token }: TokenCaller): boolean {
    if (this.#revoked.has(jti) || this.#revoked.has(token.rootJti)) return true;
    if (this.keys.get(token.kid)?.isRetired === true) return true;
    return [cutoffKey("", ""), cutoffKey(agentId, ""), cutoffKey(agentId, sessionId)].some(
      (key) => token.authenticatedAt <= (this.#cutoffs.get(key) ?? Number.NEGATIVE_INFINITY),
    );
  }

  note(jti: string): void {
    this.#revoked.add(jti);
  }
}

/** Asks the store at most every two seconds, whatever is called; sooner after the doorbell rang. */
export class Trust {
  readonly #store: Store;
  readonly #clock: Clock;
  readonly #imported = new Map<string, CryptoKey>();
  #known: Known | null = null;
  #reading: Promise<Known> | null = null;
  #isStale = false;
  #hasRung = false;
  #asks = { since: Number.NEGATIVE_INFINITY, count: 0 };

  constructor(store: Store, clock: Clock) {
    this.#store = store;
    this.#clock = clock;
  }

  /** As of the last look, if there was one. */
  get last(): Known | null {
    return this.#known;
  }

  /** At most two seconds old. Throws what the store throws. */
  fresh(): Promise<Known> {
    const known = this.#known;
    return known !== null && this.#isFresh(known) ? Promise.resolve(known) : this.#read();
  }

  /** Looks now, if that was not done too often within this second. */
  newest(): Promise<Known> {
    const now = this.#clock.now();
    const isLater = Math.abs(now - this.#asks.since) >= 1_000;
    if (isLater) this.#asks = { since: now, count: 0 };
    this.#asks.count += 1;
    return this.#asks.count <= asksPerSecond ? this.#read() : this.fresh();
  }

  noteRung(): void {
    this.#hasRung = true;
  }

  noteChanged(): void {
    this.#isStale = true;
  }

  noteRevoked(jti: string): void {
    this.#known?.note(jti);
  }

  #isFresh({ readAt }: Known): boolean {
    const ageMs = this.#clock.now() - readAt;
    const mostMs = this.#hasRung ? ringPauseMs : trustCacheMs;
    // A clock that was put back would keep an old answer alive: then the store is asked again.
    return !this.#isStale && ageMs >= 0 && ageMs < mostMs;
  }

  #read(): Promise<Known> {
    this.#reading ??= this.#readNow().finally(() => (this.#reading = null));
    return this.#reading;
  }

  async #readNow(): Promise<Known> {
    // What is noted while the store answers counts for the next look.
    this.#isStale = false;
    this.#hasRung = false;
    const readAt = this.#clock.now();
    try {
      const trust = await this.#store.transaction((tx) => tx.readTokenTrust(), { readOnly: true });
      this.#known = new Known(trust, { readAt, keys: await this.#trustedKeys(trust) });
      return this.#known;
    } catch (error) {
      this.#isStale = true;
      throw error;
    }
  }

  async #trustedKeys({ keys, now }: TokenTrust): Promise<Map<string, TrustedKey>> {
    const counting = keys.filter((key) => isOfUse(key, now));
    const entries = await Promise.all(
      counting.map(async ({ kid, publicJwk, retirement }) => {
        const key = this.#imported.get(kid) ?? (await importKey(publicJwk));
        this.#imported.set(kid, key);
        return [kid, { key, isRetired: retirement !== null }] as const;
      }),
    );
    return new Map(entries);
  }
}

/** A retired key tells whose tokens are refused, as long as one of them could live. */
function isOfUse({ verifiesUntil, retirement }: SigningKey, now: number): boolean {
  const until = retirement === null ? verifiesUntil : retirement.at + longestLifetimeMs;
  return until === null || until > now;
}

function cutoffKey(agentId: string, sessionId: string): string {
  return `${agentId} ${sessionId}`;
}
