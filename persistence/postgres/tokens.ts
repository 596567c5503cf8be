import type { Role } from "../../machines/roles.ts";
import type { Page } from "../../runtime/domain.ts";
import type { NewTokenRecord, TokenQuery, TokenRecord, TokenTrust } from "../../runtime/store.ts";
import { pageOf } from "../page.ts";
import { numberOrNull } from "./columns.ts";
import type { Fragment, Row, Scope } from "./scope.ts";
import { readSigningKeys } from "./signing-keys.ts";

export async function insertToken({ sql, workspaceId }: Scope, token: NewTokenRecord): Promise<void> {
  const { jti, agentId, role, sessionId, runtimeId, rootJti, authenticatedAt } = token;
  const { kid, issuedAt, issuedBy, expiresAt, refreshUntil } = token;
  await sql`
    insert into rouse.token (workspace_id, jti, agent_id, role, session_id, runtime_id, root_jti, authenticated_at,
      kid, issued_at, issued_by, expires_at, refresh_until)
    values (${workspaceId}, ${jti}, ${agentId}, ${role}, ${sessionId}, ${runtimeId}, ${rootJti}, ${authenticatedAt},
      ${kid}, ${issuedAt}, ${issuedBy}, ${expiresAt}, ${refreshUntil})`;
}

export async function getToken(scope: Scope, jti: string): Promise<TokenRecord | null> {
  const { sql } = scope;
  const [row] = await selectTokens(scope, sql`and t.jti = ${jti}`, 1);
  return row === undefined ? null : toRecord(row);
}

export async function listTokens(scope: Scope, query: TokenQuery): Promise<Page<TokenRecord>> {
  const { limit } = query;
  const rows = await selectTokens(scope, conditions(scope, query), limit + 1);
  const page = pageOf(rows, limit, (row) => String(row["token_id"]));
  return { rows: page.rows.map(toRecord), next: page.next };
}

function conditions({ sql, now }: Scope, query: TokenQuery): Fragment {
  const { agentId, sessionId, runtimeId, state, ending, after } = query;
  return sql`
    ${agentId === undefined ? sql`` : sql`and t.agent_id = ${agentId}`}
    ${sessionId === undefined ? sql`` : sql`and t.session_id = ${sessionId}`}
    ${runtimeId === undefined ? sql`` : sql`and t.runtime_id = ${runtimeId}`}
    ${state === undefined ? sql`` : sql`and (t.expires_at > ${now}::bigint and d.at is null) = ${state === "live"}`}
    ${
      ending === undefined
        ? sql``
        : sql`
      and d.at is null and t.expires_at >= ${ending.from}
      and coalesce(t.refresh_until, t.expires_at) <= ${ending.until}
      and not exists (
        select 1 from rouse.token n
        where n.workspace_id = t.workspace_id and n.agent_id = t.agent_id and n.session_id = t.session_id
          and n.token_id > t.token_id
      )`
    }
    ${after === undefined ? sql`` : sql`and t.token_id < ${after}::bigint`}`;
}

/** Each with the earliest decision against it. */
function selectTokens({ sql, workspaceId }: Scope, condition: Fragment, limit: number): Fragment {
  return sql`
    select t.*, d.by, d.reason, d.at
    from rouse.token t
    left join lateral (
      select x.* from (
        select coalesce(r.revoked_by, '') as by, r.reason, r.revoked_at as at from rouse.revoked_token r
        where r.workspace_id = t.workspace_id and r.jti in (t.jti, t.root_jti)
        union all
        select c.revoked_by, c.reason, c.revoked_before from rouse.token_cutoff c
        where c.workspace_id = t.workspace_id and c.agent_id in ('', t.agent_id) and c.session_id in ('', t.session_id)
          and t.authenticated_at <= c.revoked_before
        union all
        select k.retired_by, k.retire_reason, k.retired_at from rouse.signing_key k
        where k.workspace_id = t.workspace_id and k.kid = t.kid and k.retired_at is not null
      ) x
      order by x.at limit 1
    ) d on true
    where t.workspace_id = ${workspaceId} ${condition}
    order by t.token_id desc
    limit ${limit}`;
}

function toRecord(row: Row): TokenRecord {
  const revokedAt = numberOrNull(row["at"]);
  return {
    jti: row["jti"],
    agentId: row["agent_id"],
    role: row["role"] as Role,
    sessionId: row["session_id"],
    runtimeId: row["runtime_id"],
    rootJti: row["root_jti"],
    authenticatedAt: Number(row["authenticated_at"]),
    kid: row["kid"],
    issuedAt: Number(row["issued_at"]),
    issuedBy: row["issued_by"],
    expiresAt: Number(row["expires_at"]),
    refreshUntil: numberOrNull(row["refresh_until"]),
    revocation: revokedAt === null ? null : { by: row["by"], reason: row["reason"], at: revokedAt },
  };
}

export async function revokeToken(
  { sql, workspaceId, now }: Scope,
  { jti, expiresAt, by, reason }: { jti: string; expiresAt: number; by?: string; reason: string },
): Promise<void> {
  await sql`
    insert into rouse.revoked_token (workspace_id, jti, expires_at, reason, revoked_at, revoked_by)
    values (${workspaceId}, ${jti}, ${expiresAt}, ${reason}, ${now}::bigint, ${by ?? null})
    on conflict do nothing`;
}

export async function revokeTokensOf(
  { sql, workspaceId, now }: Scope,
  request: { agentId: string; sessionId: string | null; expiresAt: number; by: string; reason: string },
): Promise<void> {
  const { agentId, sessionId, expiresAt, by, reason } = request;
  await sql`
    insert into rouse.token_cutoff as c (workspace_id, agent_id, session_id, revoked_before, revoked_by, reason, expires_at)
    values (${workspaceId}, ${agentId}, ${sessionId ?? ""}, ${now}::bigint, ${by}, ${reason}, ${expiresAt})
    on conflict (workspace_id, agent_id, session_id) do update
    set revoked_before = greatest(c.revoked_before, excluded.revoked_before), revoked_by = excluded.revoked_by,
      reason = excluded.reason, expires_at = greatest(c.expires_at, excluded.expires_at)`;
}

export async function readTokenTrust(scope: Scope & { now: number }): Promise<TokenTrust> {
  const { sql, workspaceId, now } = scope;
  const [keys, revoked, cutoffs] = await Promise.all([
    readSigningKeys(scope),
    sql`select jti from rouse.revoked_token where workspace_id = ${workspaceId} and expires_at > ${now}::bigint`,
    sql`
      select agent_id, session_id, revoked_before from rouse.token_cutoff
      where workspace_id = ${workspaceId} and expires_at > ${now}::bigint`,
  ]);
  return {
    now,
    keys,
    revoked: revoked.map((row): string => row["jti"]),
    cutoffs: cutoffs.map((row) => ({
      agentId: row["agent_id"],
      sessionId: row["session_id"],
      revokedBefore: Number(row["revoked_before"]),
    })),
  };
}

export async function pruneTokens(
  { sql, workspaceId }: Scope,
  { expiredBefore, limit }: { expiredBefore: number; limit: number },
): Promise<number> {
  const gone = await sql`
    delete from rouse.token where workspace_id = ${workspaceId} and jti in (
      select jti from rouse.token where workspace_id = ${workspaceId} and expires_at < ${expiredBefore}
      order by expires_at limit ${limit}
    )`;
  return gone.count;
}
