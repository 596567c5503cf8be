import { addresses } from "../../machines/mail.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { TokenRecord, Transaction } from "../../runtime/store.ts";
import type { IssuedToken, TokenAuthority } from "./tokens.ts";

/**
 * A token that follows this one: same agent, role and session, for as long as its chain and its runtime live. Looks at the
 * store itself: what was revoked a moment ago must not live on in a successor.
 * Throws `forbidden` when it cannot be refreshed, `token_revoked`, `token_expired` when its session is over.
 */
export async function issueSuccessor(
  tx: Transaction,
  tokens: TokenAuthority,
  { token, by }: { token: TokenRecord | null; by: string },
): Promise<IssuedToken> {
  const { refreshUntil: until, ...own } = await requireRefreshable(tx, token);
  return tokens.issue(
    {
      ...{ agentId: own.agentId, role: own.role, sessionId: own.sessionId, by },
      lifetimeMs: Math.min(tokens.policy.refreshableMs, until - tx.now),
      refresh: { until },
      root: { jti: own.rootJti, authenticatedAt: own.authenticatedAt },
      ...(own.runtimeId === null ? {} : { runtimeId: own.runtimeId }),
    },
    tx,
  );
}

async function requireRefreshable(
  tx: Transaction,
  token: TokenRecord | null,
): Promise<TokenRecord & { refreshUntil: number }> {
  if (token === null || token.refreshUntil === null) {
    throw new RouseError("forbidden", "this token cannot be refreshed", {
      nextStep: "Ask an operator for a new one, made with `rouse tokens issue --refreshable`.",
    });
  }
  if (token.revocation !== null) {
    throw new RouseError("token_revoked", "the token was revoked", {
      nextStep: "Ask an operator for a new one.",
    });
  }
  const isOver = token.refreshUntil <= tx.now || (await hasRuntimeEnded(tx, token));
  if (!isOver) return { ...token, refreshUntil: token.refreshUntil };
  throw new RouseError("token_expired", "the session that this token is bound to is over", {
    nextStep: "Launch the agent again, or ask an operator for a new token.",
  });
}

async function hasRuntimeEnded(tx: Transaction, { runtimeId }: TokenRecord): Promise<boolean> {
  if (runtimeId === null) return false;
  const actor = await tx.getActor(addresses.runtime(runtimeId));
  return actor === null || actor.status === "done";
}
