import fc from "fast-check";

import type { Transaction } from "../../../runtime/store.ts";
import { newToken } from "./tokens.ts";

/** Random calls on keys and tokens. */

const kid = fc.constantFrom("key-1", "key-2", "key-3");
const jti = fc.constantFrom("one", "two", "three");
const soon = fc.constantFrom(20, 60_000);

export const tokenCall = fc.oneof(
  fc.record({ token: fc.constant("supersede" as const), forMs: soon }),
  fc.record({ token: fc.constant("key" as const), kid }),
  fc.record({ token: fc.constant("retire" as const), kid }),
  fc.record({ token: fc.constant("insert" as const), jti, kid, root: jti, forMs: soon }),
  fc.record({ token: fc.constant("revoke" as const), jti }),
  fc.record({ token: fc.constant("revokeOf" as const), session: fc.option(fc.constantFrom("s-1", "s-2")) }),
  fc.record({ token: fc.constant("prune" as const), limit: fc.integer({ min: 1, max: 3 }) }),
);
export type TokenCall = typeof tokenCall extends fc.Arbitrary<infer Value> ? Value : never;

export function callOnTokens(tx: Transaction, call: TokenCall): Promise<unknown> {
  const expiresAt = tx.now + 60_000;
  const who = { by: "pat", reason: "r" };
  switch (call.token) {
    case "supersede":
      return tx.supersedeSigningKey({ verifiesForMs: call.forMs });
    case "key":
      return tx.insertSigningKey({ kid: call.kid, publicJwk: { x: "p" }, privateJwk: { d: "s" }, by: "pat" });
    case "retire":
      return tx.retireSigningKey({ kid: call.kid, ...who });
    case "insert": {
      const times = { issuedAt: tx.now, authenticatedAt: tx.now, expiresAt: tx.now + call.forMs };
      return tx.insertToken(newToken(call.jti, { kid: call.kid, rootJti: call.root, ...times }));
    }
    case "revoke":
      return tx.revokeToken({ jti: call.jti, expiresAt, ...who });
    case "revokeOf":
      return tx.revokeTokensOf({ agentId: "ann", sessionId: call.session, expiresAt, ...who });
    case "prune":
      return tx.pruneTokens({ expiredBefore: tx.now, limit: call.limit });
  }
}

export async function dumpTokens(tx: Transaction): Promise<unknown> {
  const trust = await tx.readTokenTrust();
  return {
    trust: { ...trust, revoked: trust.revoked.toSorted() },
    token: await tx.getToken("one"),
    live: await tx.listTokens({ state: "live", limit: 9 }),
    ended: await tx.listTokens({ state: "ended", limit: 9 }),
  };
}
