import { z } from "zod";
import { roles } from "../../machines/roles.ts";
import { RouseError } from "../../runtime/errors.ts";
import { agentId, iso, reason, sessionId, text, timestamp } from "./fields.ts";
import { defineMutation } from "./operation.ts";
import { people } from "./role-sets.ts";
import { requireReason } from "./access.ts";
import { longestLifetimeMs } from "./tokens.ts";

export const issueToken = defineMutation({
  name: "issue_token",
  summary: "Signs a short-lived token for an agent. It is shown once.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/tokens" },
  roles: people,
  idempotent: false,
  shownOnce: ["token"],
  input: {
    agent_id: agentId,
    role: z.enum(roles),
    session_id: sessionId.optional().describe("Session that the token is bound to. Default: a new one."),
    lifetime_s: z
      .int()
      .min(1)
      .max(longestLifetimeMs / 1_000)
      .optional()
      .describe("Default and most: 12 hours."),
  },
  output: {
    token: z.string().nullable().describe("null when the call was repeated with its idempotency key."),
    jti: z.string(),
    agent_id: z.string(),
    role: z.enum(roles),
    session_id: z.string(),
    expires_at: timestamp,
  },
  async handler({ input, workspace }) {
    const session = input.session_id ?? `s-${workspace.ids.next().slice(0, 16)}`;
    const lifetimeMs = input.lifetime_s === undefined ? longestLifetimeMs : input.lifetime_s * 1_000;
    const { token, jti, expiresAt } = await workspace.tokens.issue({
      agentId: input.agent_id,
      role: input.role,
      sessionId: session,
      lifetimeMs,
    });
    const { agent_id, role } = input;
    return { token, jti, agent_id, role, session_id: session, expires_at: iso(expiresAt) };
  },
});

export const revokeToken = defineMutation({
  name: "revoke_token",
  summary: "Refuses a token from now on, everywhere within seconds.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/tokens/revoke" },
  roles: people,
  idempotent: true,
  destructive: true,
  input: {
    jti: text(64)
      .regex(/^[A-Za-z0-9-]+$/, "must be a token id")
      .describe("The token's id, its jti claim."),
    reason: reason.optional().describe("Required: why."),
  },
  output: { jti: z.string(), revoked: z.literal(true) },
  async handler({ caller, input, tx, workspace }) {
    const why = requireReason(input.reason, "revoking a token");
    if (input.jti === caller.jti) {
      throw new RouseError("forbidden", "a token cannot revoke itself", {
        nextStep: "Use another operator's token, so that you do not lock yourself out.",
      });
    }
    // No token lives longer than this, so the entry may go after that.
    await tx.revokeToken({ jti: input.jti, expiresAt: tx.now + longestLifetimeMs, reason: why });
    workspace.tokens.noteRevoked(input.jti);
    return { jti: input.jti, revoked: true as const };
  },
});
