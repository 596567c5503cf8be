import { SignJWT, errors, jwtVerify, type JWTPayload } from "jose";
import { z } from "zod";
import { roles } from "../../machines/roles.ts";
import type { Jwk, NewTokenRecord } from "../../runtime/store.ts";
import type { TokenCaller } from "../operations/tokens.ts";
import { algorithm, importKey } from "./keys.ts";
import { RefusedToken, expired, unauthenticated } from "./refused-token.ts";
import type { TrustedKey } from "./trust.ts";

/** What stands in a token, and how it is read back. */

export const tokenIssuer = "rouse";
export const tokenAudience = "rouse";
const tokenType = "at+jwt";
/** Past its end a token is good for so long: clocks differ. */
export const clockToleranceMs = 5_000;
/** One spelling for each token: decoders of Base64 overlook white space, padding and the last bits. 64 bytes of signature. */
const compactForm = /^[\w-]+\.[\w-]+\.[\w-]{85}[AQgw]$/;

/** The key opened, and its id. */
interface Signer {
  kid: string;
  privateJwk: Jwk;
}

/** No `nbf`: a token is good at once, also where a clock is behind. */
export async function sign(signer: Signer, record: NewTokenRecord, workspaceId: string): Promise<string> {
  const { agentId, role, sessionId, jti, rootJti, authenticatedAt, issuedAt, expiresAt } = record;
  const isRefreshed = rootJti !== jti;
  return new SignJWT({
    iss: tokenIssuer,
    aud: tokenAudience,
    jti,
    // Milliseconds as a fraction: what was revoked "until now" must not take along the next token of this second.
    iat: issuedAt / 1_000,
    exp: expiresAt / 1_000,
    agent_id: agentId,
    workspace_id: workspaceId,
    role,
    session_id: sessionId,
    ...(isRefreshed ? { root_jti: rootJti, auth_time: authenticatedAt / 1_000 } : {}),
  })
    .setProtectedHeader({ alg: algorithm, typ: tokenType, kid: signer.kid })
    .sign(await importKey(signer.privateJwk));
}

export interface Verification {
  keys: ReadonlyMap<string, TrustedKey>;
  workspaceId: string;
  /** Epoch ms by the store's clock. */
  now: number;
}

/** The caller of a token that is signed, in time and meant for us. Throws `RefusedToken`. */
export async function readToken(token: string, verification: Verification): Promise<TokenCaller> {
  const { keys, workspaceId, now } = verification;
  if (!compactForm.test(token)) throw new RefusedToken(unauthenticated(), null);
  try {
    // The key is looked up by `kid` alone: `jku`, `x5u` and `jwk` in a header are never followed.
    const { payload, protectedHeader } = await jwtVerify(token, ({ kid }) => requireKey(keys, kid), {
      issuer: tokenIssuer,
      audience: tokenAudience,
      algorithms: [algorithm],
      typ: tokenType,
      requiredClaims: ["exp", "jti", "agent_id", "workspace_id", "role", "session_id"],
      clockTolerance: clockToleranceMs / 1_000,
      currentDate: new Date(now),
    });
    return toCaller(payload, protectedHeader.kid ?? "", workspaceId);
  } catch (error) {
    throw asRefusal(error);
  }
}

function requireKey(keys: Verification["keys"], kid: string | undefined) {
  const trusted = kid === undefined ? undefined : keys.get(kid);
  if (trusted === undefined) throw new errors.JWKSNoMatchingKey();
  return trusted.key;
}

const claims = z.object({
  // One audience, as a string: a token minted for several services is not for us.
  aud: z.literal(tokenAudience),
  exp: z.number(),
  iat: z.number().default(0),
  agent_id: z.string().regex(/^[a-z0-9][a-z0-9-]{0,31}$/),
  workspace_id: z.string().min(1),
  role: z.enum(roles),
  session_id: z.string().min(1).max(128),
  jti: z.string().min(1).max(64),
  root_jti: z.string().min(1).max(64).optional(),
  auth_time: z.number().optional(),
});

function toCaller(payload: JWTPayload, kid: string, workspaceId: string): TokenCaller {
  const parsed = claims.safeParse(payload);
  // A key signs for its own workspace only.
  if (!parsed.success || parsed.data.workspace_id !== workspaceId) {
    throw new RefusedToken(unauthenticated(parsed.error), signedIdentity(payload));
  }
  const {
    agent_id,
    role,
    session_id,
    jti,
    root_jti: rootJti = jti,
    iat,
    auth_time: began = iat,
    exp,
  } = parsed.data;
  return {
    agentId: agent_id,
    workspaceId,
    role,
    sessionId: session_id,
    jti,
    token: { kid, rootJti, authenticatedAt: Math.round(began * 1_000), expiresAt: Math.round(exp * 1_000) },
  };
}

const identity = claims.pick({ agent_id: true, role: true, session_id: true, jti: true });

/** Whom our own key named, although the token is refused. */
function signedIdentity(payload: JWTPayload): RefusedToken["identity"] {
  const { success, data } = identity.safeParse(payload);
  if (!success) return null;
  return { agentId: data.agent_id, role: data.role, sessionId: data.session_id, jti: data.jti };
}

function asRefusal(error: unknown): unknown {
  // jose looks at the claims once the signature is good.
  if (error instanceof errors.JWTExpired)
    return new RefusedToken(expired(error), signedIdentity(error.payload));
  if (error instanceof errors.JWTClaimValidationFailed) {
    return new RefusedToken(unauthenticated(error), signedIdentity(error.payload));
  }
  const isMalformed = error instanceof errors.JOSEError || error instanceof TypeError;
  return isMalformed ? new RefusedToken(unauthenticated(error), null) : error;
}
