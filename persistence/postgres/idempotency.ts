import type { IdempotencyRecord } from "../../runtime/store.ts";
import { conflict } from "../conflict.ts";
import { column, jsonOfRows, toJson } from "./columns.ts";
import { inLockOrder } from "./lock-order.ts";
import type { Scope } from "./scope.ts";

export interface IdempotencyKey {
  caller: string;
  key: string;
}

/**
 * One result for each key, in the order given. What is found is locked, because its holder answers with it: a lock is written
 * to the log, so that the commit waits for the standby that the first one may not have waited for.
 */
export async function getIdempotent(
  { sql, workspaceId }: Scope,
  keys: readonly IdempotencyKey[],
): Promise<(IdempotencyRecord | null)[]> {
  const rows = await sql`
    select x.place, i.* from unnest(
      ${column(
        sql,
        keys.map(({ caller }) => caller),
      )},
      ${column(
        sql,
        keys.map(({ key }) => key),
      )}
    ) with ordinality as x(caller, key, place)
    cross join lateral (
      select b.operation, b.fingerprint, b.response from rouse.idempotency b
      where b.workspace_id = ${workspaceId} and b.caller = x.caller and b.key = x.key
      offset 0 for key share
    ) i`;
  const found = new Map(rows.map((row) => [Number(row["place"]), row]));
  return keys.map((_key, index) => {
    const row = found.get(index + 1);
    if (row === undefined) return null;
    return {
      operation: row["operation"],
      fingerprint: row["fingerprint"],
      response: JSON.parse(row["response"]),
    };
  });
}

/** Waits for whoever writes the same key now, and throws `conflict` when that is committed, or a key is given twice. */
export async function putIdempotent(
  { sql, workspaceId, now }: Scope,
  records: readonly { id: IdempotencyKey; record: IdempotencyRecord }[],
): Promise<void> {
  const sorted = inLockOrder(records, ({ id }) => `${id.caller} ${id.key}`);
  const rows = sorted.map(({ id, record }) => ({ ...id, ...record, response: toJson(record.response) }));
  const inserted = await sql`
    insert into rouse.idempotency (workspace_id, caller, key, operation, fingerprint, response, created_at)
    select ${workspaceId}, x.*, ${now}::bigint from json_to_recordset((${jsonOfRows(rows)}::text)::json) as x(
      caller text, key text, operation text, fingerprint text, response text
    )
    on conflict do nothing`;
  if (inserted.count === records.length) return;
  const keys = records.map(({ id }) => id.key).join(", ");
  throw conflict(`The idempotency key ${keys} was used by another call at the same time.`);
}
