import type { Scope } from "./scope.ts";

/** Revoking twice keeps the first reason. */
export async function revokeToken(
  { sql, workspaceId, now }: Scope,
  { jti, expiresAt, reason }: { jti: string; expiresAt: number; reason: string },
): Promise<void> {
  await sql`
    insert into rouse.revoked_token (workspace_id, jti, expires_at, reason, revoked_at)
    values (${workspaceId}, ${jti}, ${expiresAt}, ${reason}, ${now}::bigint)
    on conflict do nothing`;
}

export async function isTokenRevoked({ sql, workspaceId }: Scope, jti: string): Promise<boolean> {
  const rows =
    await sql`select 1 from rouse.revoked_token where workspace_id = ${workspaceId} and jti = ${jti}`;
  return rows.length > 0;
}
