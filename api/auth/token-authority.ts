import { SignJWT, errors, jwtVerify, type JWTPayload } from "jose";
import { z } from "zod";
import { roles } from "../../machines/roles.ts";
import type { Clock, Ids } from "../../runtime/clock.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Store } from "../../runtime/store.ts";
import type { Caller } from "../operations/caller.ts";
import {
  longestLifetimeMs,
  type IssuedToken,
  type TokenAuthority,
  type TokenRequest,
} from "../operations/tokens.ts";
import { loadSigningKeys, type SigningKeys } from "./keys.ts";
import { Revocations } from "./revocations.ts";

export const tokenIssuer = "rouse";
export const tokenAudience = "rouse";
const tokenType = "at+jwt";

export interface TokenAuthorityOptions {
  store: Store;
  clock: Clock;
  ids: Ids;
}

/** Signs and checks the tokens of the store's workspace; creates its signing key at the first start. */
export async function createTokenAuthority({
  store,
  clock,
  ids,
}: TokenAuthorityOptions): Promise<TokenAuthority> {
  const keys = await loadSigningKeys(store, ids);
  const revocations = new Revocations(store, clock);
  const { workspaceId } = store;
  return {
    workspaceId,
    keyIds: () => [...keys.public.keys()],
    issue: (request) => issue(keys, { ...request, workspaceId, jti: ids.next(), now: clock.now() }),
    async verify(token) {
      const caller = toCaller(await verified(keys, token, clock.now()), workspaceId);
      if (await revocations.isRevoked(caller.jti)) throw revoked();
      return caller;
    },
    noteRevoked: (jti) => revocations.note(jti),
  };
}

interface Issue extends TokenRequest {
  workspaceId: string;
  jti: string;
  now: number;
}

async function issue({ current }: SigningKeys, request: Issue): Promise<IssuedToken> {
  const { agentId, role, sessionId, lifetimeMs, workspaceId, jti, now } = request;
  if (lifetimeMs > longestLifetimeMs) {
    throw new RouseError("invalid_input", "a token lives for at most 12 hours", {
      nextStep: "Ask for a shorter life.",
    });
  }
  const issuedAt = Math.floor(now / 1_000);
  const expires = issuedAt + Math.ceil(lifetimeMs / 1_000);
  const claims = { agent_id: agentId, workspace_id: workspaceId, role, session_id: sessionId };
  const token = await new SignJWT(claims)
    .setProtectedHeader({ alg: "EdDSA", typ: tokenType, kid: current.kid })
    .setIssuer(tokenIssuer)
    .setAudience(tokenAudience)
    .setJti(jti)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expires)
    .sign(current.key);
  return { token, jti, expiresAt: expires * 1_000 };
}

async function verified(keys: SigningKeys, token: string, now: number): Promise<JWTPayload> {
  try {
    // The key is looked up by `kid` alone: `jku`, `x5u` and `jwk` in a header are never followed.
    const { payload } = await jwtVerify(token, ({ kid }) => requireKey(keys, kid), {
      issuer: tokenIssuer,
      audience: tokenAudience,
      algorithms: ["EdDSA"],
      typ: tokenType,
      requiredClaims: ["exp", "jti", "agent_id", "workspace_id", "role", "session_id"],
      clockTolerance: 5,
      currentDate: new Date(now),
    });
    return payload;
  } catch (error) {
    if (error instanceof errors.JWTExpired) throw expired(error);
    if (error instanceof errors.JOSEError || error instanceof TypeError) throw unauthenticated(error);
    throw error;
  }
}

function requireKey(keys: SigningKeys, kid: string | undefined) {
  const key = kid === undefined ? undefined : keys.public.get(kid);
  if (key === undefined) throw new errors.JWKSNoMatchingKey();
  return key;
}

const claims = z.object({
  // One audience, as a string: a token minted for several services is not for us.
  aud: z.literal(tokenAudience),
  agent_id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/),
  workspace_id: z.string().min(1),
  role: z.enum(roles),
  session_id: z.string().min(1).max(128),
  jti: z.string().min(1).max(64),
});

function toCaller(payload: JWTPayload, workspaceId: string): Caller {
  const parsed = claims.safeParse(payload);
  // A key signs for its own workspace only.
  if (!parsed.success || parsed.data.workspace_id !== workspaceId) throw unauthenticated(parsed.error);
  const { agent_id, role, session_id, jti } = parsed.data;
  return { agentId: agent_id, workspaceId, role, sessionId: session_id, jti };
}

/** Says nothing about which check failed: that would help only whoever forges. */
export function unauthenticated(cause?: unknown): RouseError {
  return new RouseError("unauthenticated", "a valid token is required", {
    nextStep: "Send `Authorization: Bearer <token>`; get a token with `rouse token issue`.",
    cause,
  });
}

function expired(cause: unknown): RouseError {
  return new RouseError("token_expired", "the token has expired", {
    nextStep: "Get a new one with `rouse token issue`.",
    cause,
  });
}

function revoked(): RouseError {
  return new RouseError("token_revoked", "the token was revoked", {
    nextStep: "Ask an operator for a new one.",
  });
}
