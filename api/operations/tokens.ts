import type { Role } from "../../machines/roles.ts";
import type { Transaction } from "../../runtime/store.ts";
import type { Caller } from "./caller.ts";

/** How long tokens are good. Milliseconds. */
export interface TokenPolicy {
  /** Of a token that cannot be refreshed; at most 12 hours. */
  sessionMs: number;
  /** Of a token that can be refreshed. */
  refreshableMs: number;
  /** For so long after the first one, refreshing goes on; at most 7 days. */
  refreshForMs: number;
  /** A token that cannot be refreshed is pointed out this long before its end. */
  endingSoonMs: number;
  /** Records of tokens are kept for so long after their end. */
  keepRecordsMs: number;
}

const hour = 3_600_000;
/** A key that no longer signs verifies for so long: nothing it signed lives longer. */
export const longestLifetimeMs = 12 * hour;
/** No chain of refreshed tokens lives longer, so revocations are forgotten after it. */
export const longestRefreshMs = 7 * 24 * hour;

export const defaultTokenPolicy: TokenPolicy = {
  sessionMs: longestLifetimeMs,
  refreshableMs: 15 * 60_000,
  refreshForMs: longestRefreshMs,
  endingSoonMs: hour,
  keepRecordsMs: 30 * 24 * hour,
};

export interface TokenRequest {
  agentId: string;
  role: Role;
  /** Session that the token is bound to. */
  sessionId: string;
  /** At most 12 hours. */
  lifetimeMs: number;
  /** The managed runtime whose program gets it. */
  runtimeId?: string;
  /** Epoch ms by the store's clock, or a time from now on; left out: it cannot be refreshed. */
  refresh?: { until: number } | { forMs: number };
  /** The token that it is refreshed from. */
  root?: { jti: string; authenticatedAt: number };
  /** Who asked for it. Default: the node. */
  by?: string;
}

export interface IssuedToken {
  token: string;
  jti: string;
  /** Epoch ms. */
  expiresAt: number;
  refreshUntil: number | null;
}

/** What a token says besides who calls. Epoch ms by the store's clock. */
export interface TokenFacts {
  kid: string;
  /** The first of the tokens that were refreshed into this one; its own id without a refresh. */
  rootJti: string;
  /** When the first of them was issued. */
  authenticatedAt: number;
  expiresAt: number;
}

/** A caller whose token was checked. */
export interface TokenCaller extends Caller {
  token: TokenFacts;
}

/**
 * For whatever outlives one request: a stream, a long wait. Abort what it serves when the signal aborts; its reason is the
 * error to end with, `token_revoked` or `token_expired`. It comes within two seconds of the decision, on every node.
 */
export interface TokenWatch {
  readonly signal: AbortSignal;
  /** To be called when the stream has ended. */
  close(): void;
}

/** Signs and checks the tokens of one workspace. Implemented in `api/auth`. */
export interface TokenAuthority {
  readonly workspaceId: string;
  readonly policy: TokenPolicy;
  /** Ids of the keys that tokens of this workspace may be signed with, as known now. */
  keyIds(): readonly string[];
  /** Asks the store when the key is not known: another node may just have made it. */
  knowsKey(kid: string): Promise<boolean>;
  /** Written down in `tx`; without one in a transaction of its own. */
  issue(request: TokenRequest, tx?: Transaction): Promise<IssuedToken>;
  /** Throws `unauthenticated`, `token_expired`, `token_revoked`. Refusals of a known identity are audited. */
  verify(token: string, requestId?: string): Promise<TokenCaller>;
  watch(caller: TokenCaller): TokenWatch;
  /** Makes the first key, or another in its place, and returns its id. Throws `conflict`. */
  createKey(tx: Transaction, by: string): Promise<string>;
  /** So that this process refuses at once; held only until the next look at the store, should the commit fail. */
  noteRevoked(jti: string): void;
  /** Keys or revocations have changed, or soon will: the store is asked before the next answer. */
  noteChanged(): void;
  /** Removes records of tokens that ended long ago. */
  prune(): Promise<void>;
}
