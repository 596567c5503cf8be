import { hash } from "node:crypto";
import type { TokenCaller } from "../operations/tokens.ts";
import { clockToleranceMs } from "./claims.ts";
import type { Known } from "./trust.ts";

const mostTokens = 10_000;

/**
 * Tokens whose signature and claims were found good before: an agent shows the same one with every call, and checking a
 * signature costs more than most calls. What time or a decision may change is asked anew: the key, the end, revocation.
 */
export class VerifiedTokens {
  /** By their hash: what lies around here lets nobody in. */
  readonly #callers = new Map<string, TokenCaller>();

  /** Null: it has to be verified. Whether it was revoked is still to be asked. */
  find(token: string, known: Known, localNow: number): TokenCaller | null {
    const caller = this.#callers.get(keyOf(token));
    if (caller === undefined) return null;
    const { kid, expiresAt } = caller.token;
    const isGood = known.keys.has(kid) && known.storeTime(localNow) < expiresAt + clockToleranceMs;
    if (!isGood) this.#callers.delete(keyOf(token));
    return isGood ? caller : null;
  }

  add(token: string, caller: TokenCaller): void {
    if (this.#callers.size >= mostTokens) this.#callers.clear();
    this.#callers.set(keyOf(token), caller);
  }
}

function keyOf(token: string): string {
  return hash("sha256", token, "base64");
}
