import type { Role } from "../machines/roles.ts";
import type { Page } from "./domain.ts";

/** What the store knows of tokens: never a token itself, so that who reads the database cannot speak for anybody. */

/** JSON Web Key of an Ed25519 key. */
export type Jwk = Readonly<Record<string, unknown>>;

/** Who decided against a key or token, why and when (epoch ms). */
export interface TokenDecision {
  by: string;
  reason: string;
  at: number;
}

/** At most one key of a workspace signs; the ones before go on verifying what they signed until all of it has expired. */
export interface SigningKey {
  kid: string;
  publicJwk: Jwk;
  /** Kept by the key that signs only. Encrypted: `{ jwe }`. */
  privateJwk: Jwk | null;
  createdAt: number;
  createdBy: string;
  /** Epoch ms; null for the key that signs. */
  verifiesUntil: number | null;
  /** Of a key that is refused at once, for instance because it leaked. */
  retirement: TokenDecision | null;
}

export interface NewTokenRecord {
  jti: string;
  agentId: string;
  role: Role;
  sessionId: string;
  /** The managed runtime whose program got it, or null. */
  runtimeId: string | null;
  /** The first of the tokens that were refreshed into this one; its own jti without a refresh. */
  rootJti: string;
  /** When the first of them was issued, epoch ms. */
  authenticatedAt: number;
  kid: string;
  issuedAt: number;
  issuedBy: string;
  expiresAt: number;
  /** Until when a refresh may extend it; null: it cannot be refreshed. */
  refreshUntil: number | null;
}

export interface TokenRecord extends NewTokenRecord {
  /** By its id, its agent, its session or its key; the earliest. */
  revocation: TokenDecision | null;
}

/** Refuses what was first issued until then. An empty `sessionId` stands for all sessions of the agent. */
export interface TokenCutoff {
  agentId: string;
  sessionId: string;
  /** Epoch ms, inclusive. */
  revokedBefore: number;
}

/** All that decides over a signed token. */
export interface TokenTrust {
  /** By the store's clock. */
  now: number;
  /** Oldest first, also those that no longer verify. */
  keys: SigningKey[];
  /** Ids that are refused, as long as a token with one of them could live. */
  revoked: string[];
  cutoffs: TokenCutoff[];
}

export interface TokenQuery {
  agentId?: string;
  sessionId?: string;
  runtimeId?: string;
  /** Left out: all. `ended` includes the revoked ones. */
  state?: "live" | "ended";
  /** Only the latest of its session, and only if it ends for good between these. Epoch ms. */
  ending?: { from: number; until: number };
  after?: string;
  limit: number;
}

/** The part of a transaction that is about tokens. */
export interface TokenTransaction {
  /** The key that signs until now, if any, only verifies from now on, for so long. */
  supersedeSigningKey(request: { verifiesForMs: number }): Promise<void>;
  /** Throws `conflict` when another key signs. */
  insertSigningKey(key: { kid: string; publicJwk: Jwk; privateJwk: Jwk; by: string }): Promise<void>;
  /** Forgets its private part. False when there is no such key, or it was retired before. */
  retireSigningKey(request: { kid: string; by: string; reason: string }): Promise<boolean>;
  readTokenTrust(): Promise<TokenTrust>;
  /** Throws `conflict` when the jti is known. */
  insertToken(token: NewTokenRecord): Promise<void>;
  getToken(jti: string): Promise<TokenRecord | null>;
  /** Newest first. */
  listTokens(query: TokenQuery): Promise<Page<TokenRecord>>;
  /** Revoking twice keeps the first reason. Forgotten after `expiresAt`. */
  revokeToken(request: { jti: string; expiresAt: number; by?: string; reason: string }): Promise<void>;
  /** Refuses all that was issued until now, and what is refreshed from it. Forgotten after `expiresAt`. */
  revokeTokensOf(request: {
    agentId: string;
    /** Null: all its sessions. */
    sessionId: string | null;
    expiresAt: number;
    by: string;
    reason: string;
  }): Promise<void>;
  /** Deletes records of tokens that expired before; at most so many. Returns how many. */
  pruneTokens(request: { expiredBefore: number; limit: number }): Promise<number>;
}
