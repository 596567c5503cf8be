import type { Role } from "../../machines/roles.ts";
import type { Caller } from "./caller.ts";

export interface TokenRequest {
  agentId: string;
  role: Role;
  /** Session that the token is bound to. */
  sessionId: string;
  /** At most 12 hours. */
  lifetimeMs: number;
}

export interface IssuedToken {
  token: string;
  jti: string;
  /** Epoch ms. */
  expiresAt: number;
}

/** Signs and checks the tokens of one workspace. Implemented in `api/auth`. */
export interface TokenAuthority {
  readonly workspaceId: string;
  /** Ids of the keys that tokens of this workspace may be signed with. */
  keyIds(): readonly string[];
  issue(request: TokenRequest): Promise<IssuedToken>;
  /** Throws `unauthenticated`, `token_expired`, `token_revoked`. */
  verify(token: string): Promise<Caller>;
  /** So that this process refuses at once; held only until the next look at the store, should the commit fail. */
  noteRevoked(jti: string): void;
}

export const longestLifetimeMs = 12 * 3_600_000;
