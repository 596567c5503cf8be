import type { IdempotencyRecord } from "../../runtime/store.ts";
import { conflict } from "../conflict.ts";
import { toJson } from "./columns.ts";
import type { Scope } from "./scope.ts";

export interface IdempotencyKey {
  caller: string;
  key: string;
}

/**
 * What is found is locked, because its holder answers with it: a lock is written to the log, so that the commit waits for
 * the standby that the first one may not have waited for.
 */
export async function getIdempotent(
  { sql, workspaceId }: Scope,
  { caller, key }: IdempotencyKey,
): Promise<IdempotencyRecord | null> {
  const [row] = await sql`
    select * from rouse.idempotency where workspace_id = ${workspaceId} and caller = ${caller} and key = ${key}
    for key share`;
  if (row === undefined) return null;
  return {
    operation: row["operation"],
    fingerprint: row["fingerprint"],
    response: JSON.parse(row["response"]),
  };
}

/** Waits for whoever writes the same key now, and throws `conflict` when that is committed. */
export async function putIdempotent(
  { sql, workspaceId, now }: Scope,
  { caller, key }: IdempotencyKey,
  { operation, fingerprint, response }: IdempotencyRecord,
): Promise<void> {
  const inserted = await sql`
    insert into rouse.idempotency (workspace_id, caller, key, operation, fingerprint, response, created_at)
    values (${workspaceId}, ${caller}, ${key}, ${operation}, ${fingerprint}, ${toJson(response)}, ${now}::bigint)
    on conflict do nothing`;
  if (inserted.count === 0)
    throw conflict(`The idempotency key ${key} was used by another call at the same time.`);
}
