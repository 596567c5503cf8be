import { z } from "zod";
import { roles } from "../../machines/roles.ts";
import { RouseError } from "../../runtime/errors.ts";
import { requireReason } from "./access.ts";
import {
  agentId,
  cursor,
  iso,
  isoOrNull,
  limit,
  page,
  pageEnd,
  pageQuery,
  reason,
  sessionId,
  text,
  timestamp,
} from "./fields.ts";
import { defineMutation, defineQuery } from "./operation.ts";
import { issueSuccessor } from "./refresh.ts";
import { auditReaders, members, people } from "./role-sets.ts";
import { tokenShape, tokenView } from "./token-view.ts";
import { longestLifetimeMs, longestRefreshMs } from "./tokens.ts";

const boundSession = sessionId.describe("Session that the token is bound to.");

/** What is shown of a token that was just made. */
const fresh = {
  token: z.string().nullable().describe("null when the call was repeated with its idempotency key."),
  jti: z.string(),
  agent_id: z.string(),
  role: z.enum(roles),
  session_id: z.string(),
  expires_at: timestamp,
  refresh_until: timestamp.nullable().describe("Until when refresh_token extends it; null: it does not."),
};

export const issueToken = defineMutation({
  name: "issue_token",
  summary: "Signs a token for an agent. It is shown once.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/tokens" },
  roles: people,
  idempotent: false,
  shownOnce: ["token"],
  input: {
    agent_id: agentId,
    role: z.enum(roles),
    session_id: boundSession.optional().describe("Session that the token is bound to. Default: a new one."),
    lifetime_s: z
      .int()
      .min(1)
      .max(longestLifetimeMs / 1_000)
      .optional()
      .describe("At most 12 hours. Default: 12 hours, or 15 minutes for one that can be refreshed."),
    refreshable: z
      .boolean()
      .optional()
      .describe("Whether its holder may extend it with refresh_token, for up to 7 days. Default: false."),
  },
  output: fresh,
  async handler({ caller, input, noteChange, tx, workspace }) {
    const { agent_id, role, refreshable = false } = input;
    if (refreshable && role === "auditor") throw notForAuditors();
    const { policy } = workspace.tokens;
    const session = input.session_id ?? `s-${workspace.ids.next().slice(0, 16)}`;
    const lifetimeMs = refreshable ? policy.refreshableMs : policy.sessionMs;
    const request = {
      agentId: agent_id,
      role,
      sessionId: session,
      lifetimeMs: input.lifetime_s === undefined ? lifetimeMs : input.lifetime_s * 1_000,
      by: caller.agentId,
      ...(refreshable ? { refresh: { forMs: policy.refreshForMs } } : {}),
    };
    const { token, jti, expiresAt, refreshUntil } = await workspace.tokens.issue(request, tx);
    noteChange(`token/${jti}`, { before: null, after: `live until ${iso(expiresAt)}` });
    const ends = { expires_at: iso(expiresAt), refresh_until: isoOrNull(refreshUntil) };
    return { token, jti, agent_id, role, session_id: session, ...ends };
  },
});

function notForAuditors(): RouseError {
  return new RouseError("invalid_input", "refreshable: an auditor changes nothing, its own token included", {
    nextStep: "Issue one that lives longer, at most 12 hours.",
  });
}

export const refreshToken = defineMutation({
  name: "refresh_token",
  summary: "Signs a token that follows the caller's own: same agent, role and session. It is shown once.",
  guidance:
    "For programs: call it before half of the token's life is over. The token before stays good until its end.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/tokens/refresh" },
  roles: members,
  idempotent: false,
  shownOnce: ["token"],
  refusals: ["forbidden", "token_expired", "token_revoked"],
  input: {},
  output: fresh,
  async handler({ caller, noteChange, tx, workspace }) {
    const own = await tx.getToken(caller.jti);
    const made = await issueSuccessor(tx, workspace.tokens, { token: own, by: caller.agentId });
    const { token, jti, expiresAt, refreshUntil } = made;
    noteChange(`token/${jti}`, { before: null, after: `live until ${iso(expiresAt)}` });
    const ends = { expires_at: iso(expiresAt), refresh_until: isoOrNull(refreshUntil) };
    return { token, jti, agent_id: caller.agentId, role: caller.role, session_id: caller.sessionId, ...ends };
  },
});

export const listTokens = defineQuery({
  name: "list_tokens",
  summary:
    "Who got which token: role, session, times, who revoked it and why. Newest first; never the token itself.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/tokens" },
  roles: auditReaders,
  input: {
    agent_id: agentId.optional(),
    session_id: boundSession.optional(),
    state: z
      .enum(["live", "ended"])
      .optional()
      .describe("live: neither expired nor revoked; ended: the others. Default: all."),
    ending_within_s: z
      .int()
      .min(1)
      .max(longestLifetimeMs / 1_000)
      .optional()
      .describe("Only the last one of a session, if it ends for good within this time."),
    limit,
    cursor,
  },
  output: { tokens: z.array(tokenShape), ...page },
  async handler({ input, store }) {
    const { agent_id: agent, session_id: session, state, ending_within_s: withinS } = input;
    return store.transaction(
      async (tx) => {
        const { rows, next } = await tx.listTokens({
          ...pageQuery(input),
          ...(agent === undefined ? {} : { agentId: agent }),
          ...(session === undefined ? {} : { sessionId: session }),
          ...(state === undefined ? {} : { state }),
          ...(withinS === undefined ? {} : { ending: { from: tx.now, until: tx.now + withinS * 1_000 } }),
        });
        return { tokens: rows.map((row) => tokenView(row, tx.now)), ...pageEnd(next) };
      },
      { readOnly: true },
    );
  },
});

export const revokeToken = defineMutation({
  name: "revoke_token",
  summary: "Refuses a token and whatever was refreshed from it, from now on, everywhere within seconds.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/tokens/revoke" },
  roles: people,
  idempotent: true,
  destructive: true,
  refusals: ["reason_required"],
  input: {
    jti: text(64)
      .regex(/^[A-Za-z0-9-]+$/, "must be a token id")
      .describe("The token's id, its jti claim."),
    reason: reason.optional().describe("Required: why."),
  },
  output: { jti: z.string(), revoked: z.literal(true) },
  async handler({ caller, input, noteChange, tx, workspace }) {
    const why = requireReason(input.reason, "revoking a token");
    const known = await tx.getToken(input.jti);
    const own = await tx.getToken(caller.jti);
    const family = [...new Set([input.jti, known?.rootJti ?? input.jti])];
    if (family.includes(caller.jti) || (own !== null && family.includes(own.rootJti))) throw ownToken();
    for (const jti of family) {
      // Nothing of the family lives longer than this, so the entry may go after that.
      const expiresAt = tx.now + longestRefreshMs + longestLifetimeMs;
      await tx.revokeToken({ jti, expiresAt, by: caller.agentId, reason: why });
      workspace.tokens.noteRevoked(jti);
    }
    if (known?.revocation === null) noteChange(`token/${input.jti}`, { before: "live", after: "revoked" });
    workspace.tokens.noteChanged();
    return { jti: input.jti, revoked: true as const };
  },
});

export const revokeTokensOf = defineMutation({
  name: "revoke_tokens_of",
  summary:
    "Refuses all tokens that an agent, or one session of it, got until now, everywhere within seconds.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/tokens/revoke-all" },
  roles: people,
  idempotent: true,
  destructive: true,
  refusals: ["reason_required"],
  input: {
    agent_id: agentId,
    session_id: boundSession.optional().describe("Left out: all sessions of the agent."),
    reason: reason.optional().describe("Required: why."),
  },
  output: { agent_id: z.string(), session_id: z.string().nullable(), revoked_before: timestamp },
  async handler({ caller, input, noteChange, tx, workspace }) {
    const why = requireReason(input.reason, "revoking tokens");
    const session = input.session_id ?? null;
    const isOwn = input.agent_id === caller.agentId && (session === null || session === caller.sessionId);
    if (isOwn) throw ownToken();
    await tx.revokeTokensOf({
      agentId: input.agent_id,
      sessionId: session,
      expiresAt: tx.now + longestRefreshMs + longestLifetimeMs,
      by: caller.agentId,
      reason: why,
    });
    const of = session === null ? `tokens of ${input.agent_id}` : `tokens of ${input.agent_id} in ${session}`;
    noteChange(of, { before: null, after: `revoked until ${iso(tx.now)}` });
    workspace.tokens.noteChanged();
    return { agent_id: input.agent_id, session_id: session, revoked_before: iso(tx.now) };
  },
});

function ownToken(): RouseError {
  return new RouseError("forbidden", "a token cannot revoke itself", {
    nextStep: "Use another operator's token, so that you do not lock yourself out.",
  });
}
