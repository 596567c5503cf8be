import { z } from "zod";
import { roles } from "../../machines/roles.ts";
import type { SigningKey, TokenDecision, TokenRecord } from "../../runtime/store.ts";
import { iso, isoOrNull, timestamp } from "./fields.ts";

const decision = z.object({ by: z.string(), reason: z.string(), at: timestamp });

function decisionView(made: TokenDecision | null): z.input<typeof decision> | null {
  return made === null ? null : { by: made.by, reason: made.reason, at: iso(made.at) };
}

/** A token as people see it: never the token itself. */
export const tokenShape = z.object({
  jti: z.string(),
  agent_id: z.string(),
  role: z.enum(roles),
  session_id: z.string(),
  runtime_id: z.string().nullable().describe("The managed runtime whose program got it."),
  state: z.enum(["live", "expired", "revoked"]),
  issued_at: timestamp,
  issued_by: z.string().describe("node: handed out at a launch, or to the command line."),
  expires_at: timestamp,
  refresh_until: timestamp.nullable().describe("null: it cannot be refreshed."),
  refreshed_from: z.string().nullable().describe("The first token of its chain."),
  kid: z.string().describe("Key that signed it."),
  revocation: decision.nullable(),
});

export function tokenView(token: TokenRecord, now: number): z.input<typeof tokenShape> {
  return {
    jti: token.jti,
    agent_id: token.agentId,
    role: token.role,
    session_id: token.sessionId,
    runtime_id: token.runtimeId,
    state: token.revocation !== null ? "revoked" : token.expiresAt > now ? "live" : "expired",
    issued_at: iso(token.issuedAt),
    issued_by: token.issuedBy,
    expires_at: iso(token.expiresAt),
    refresh_until: isoOrNull(token.refreshUntil),
    refreshed_from: token.rootJti === token.jti ? null : token.rootJti,
    kid: token.kid,
    revocation: decisionView(token.revocation),
  };
}

/** The public part only, as JWKS has it. */
export const signingKeyShape = z.object({
  kid: z.string(),
  state: z
    .enum(["signing", "verifying", "expired", "retired"])
    .describe("verifying: it signs no more, but what it signed is good until it expires."),
  created_at: timestamp,
  created_by: z.string(),
  verifies_until: timestamp.nullable(),
  retirement: decision.nullable(),
  private_part: z
    .enum(["plain", "encrypted"])
    .nullable()
    .describe("How its private part stands in the database; null: not any more."),
  public_jwk: z.record(z.string(), z.unknown()),
});

export function signingKeyView(key: SigningKey, now: number): z.input<typeof signingKeyShape> {
  return {
    kid: key.kid,
    state: keyState(key, now),
    created_at: iso(key.createdAt),
    created_by: key.createdBy,
    verifies_until: isoOrNull(key.verifiesUntil),
    retirement: decisionView(key.retirement),
    private_part: key.privateJwk === null ? null : "jwe" in key.privateJwk ? "encrypted" : "plain",
    public_jwk: { ...key.publicJwk, kid: key.kid, use: "sig", alg: "EdDSA" },
  };
}

function keyState({ verifiesUntil, retirement }: SigningKey, now: number) {
  if (retirement !== null) return "retired";
  if (verifiesUntil === null) return "signing";
  return verifiesUntil > now ? "verifying" : "expired";
}
