import type { Clock } from "../../runtime/clock.ts";
import type { RouseError } from "../../runtime/errors.ts";
import type { TokenCaller, TokenWatch } from "../operations/tokens.ts";
import { expired, revoked } from "./refused-token.ts";
import { trustCacheMs, type Known, type Trust } from "./trust.ts";

/** The doorbell may ring all the time. */
const ringPauseMs = 250;

interface Watched {
  caller: TokenCaller;
  controller: AbortController;
}

/** Looks after the tokens of open streams: one look at the store for all of them. */
export class TokenWatches {
  readonly #trust: Trust;
  readonly #clock: Clock;
  readonly #watched = new Set<Watched>();
  #cancel: (() => void) | null = null;
  #dueAt = Number.POSITIVE_INFINITY;

  constructor(trust: Trust, clock: Clock) {
    this.#trust = trust;
    this.#clock = clock;
  }

  watch(caller: TokenCaller): TokenWatch {
    const watched = { caller, controller: new AbortController() };
    this.#watched.add(watched);
    const { last } = this.#trust;
    // What is known already counts at once: the token may have been refused between its check and now.
    if (last !== null) this.#judge(watched, last);
    this.#scheduleWithin(trustCacheMs);
    return {
      signal: watched.controller.signal,
      close: () => {
        this.#watched.delete(watched);
        if (this.#watched.size === 0) this.#rest();
      },
    };
  }

  noteRung(): void {
    this.#scheduleWithin(ringPauseMs);
  }

  #scheduleWithin(ms: number): void {
    if (this.#watched.size === 0) return;
    const dueAt = this.#clock.now() + ms;
    if (this.#cancel !== null && dueAt >= this.#dueAt) return;
    this.#rest();
    this.#dueAt = dueAt;
    this.#cancel = this.#clock.after(ms, () => void this.#look());
  }

  #rest(): void {
    this.#cancel?.();
    this.#cancel = null;
    this.#dueAt = Number.POSITIVE_INFINITY;
  }

  /** Without an answer of the store nothing can be streamed either; what has expired is ended all the same. */
  async #look(): Promise<void> {
    this.#rest();
    const known = await this.#trust.fresh().catch(() => this.#trust.last);
    if (known !== null) for (const watched of this.#watched) this.#judge(watched, known);
    this.#scheduleWithin(trustCacheMs);
  }

  #judge(watched: Watched, known: Known): void {
    const verdict = verdictOn(watched.caller, known, this.#clock.now());
    if (verdict === null) return;
    this.#watched.delete(watched);
    watched.controller.abort(verdict);
  }
}

/** Null while the token is good. */
export function verdictOn(caller: TokenCaller, known: Known, localNow: number): RouseError | null {
  if (known.isRevoked(caller)) return revoked();
  return caller.token.expiresAt <= known.storeTime(localNow) ? expired() : null;
}
