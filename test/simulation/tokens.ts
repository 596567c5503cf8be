import { Trust } from "../../api/auth/trust.ts";
import type { Caller } from "../../api/operations/caller.ts";
import { defaultTokenPolicy, type TokenAuthority } from "../../api/operations/tokens.ts";
import type { Role } from "../../machines/roles.ts";
import type { Clock, Ids } from "../../runtime/clock.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Store } from "../../runtime/store.ts";

interface Owner {
  agentId: string;
  role: Role;
  sessionId: string;
  workspaceId?: string;
}

/** Tokens without signatures, which need no simulation; whether one is revoked is asked as in production. */
export class SimTokens {
  readonly #ids: Ids;
  readonly #workspaceId: string;
  readonly #callers = new Map<string, Caller>();

  constructor(ids: Ids, workspaceId: string) {
    this.#ids = ids;
    this.#workspaceId = workspaceId;
  }

  issue({ agentId, role, sessionId, workspaceId = this.#workspaceId }: Owner): string {
    const jti = this.#ids.next();
    const token = `token-${jti}`;
    this.#callers.set(token, { agentId, role, sessionId, workspaceId, jti });
    return token;
  }

  ownerOf(token: string): Caller {
    const caller = this.#callers.get(token);
    if (caller === undefined) throw new RouseError("unauthenticated", "a valid token is required");
    return caller;
  }

  /** As one process sees it: with its own memory of revocations. */
  authorityOf(store: Store, clock: Clock): TokenAuthority {
    const trust = new Trust(store, clock);
    return {
      workspaceId: store.workspaceId,
      policy: defaultTokenPolicy,
      keyIds: () => [],
      knowsKey: () => Promise.resolve(false),
      issue: async (request) => {
        const token = this.issue(request);
        const { jti } = this.ownerOf(token);
        return { token, jti, expiresAt: clock.now() + request.lifetimeMs, refreshUntil: null };
      },
      verify: async (token) => {
        const owner = this.ownerOf(token);
        const expiresAt = Number.MAX_SAFE_INTEGER;
        const facts = { kid: "", rootJti: owner.jti, authenticatedAt: clock.now(), expiresAt };
        const caller = { ...owner, token: facts };
        if (!(await trust.fresh()).isRevoked(caller)) return caller;
        throw new RouseError("token_revoked", "the token was revoked");
      },
      watch: () => ({ signal: new AbortController().signal, close: () => {} }),
      createKey: () => Promise.resolve(""),
      noteRevoked: (jti) => trust.noteRevoked(jti),
      noteChanged: () => trust.noteChanged(),
      prune: () => Promise.resolve(),
    };
  }
}
