import type { Address } from "../../machines/mail.ts";
import type { EffectKey, EffectRequest, StoredEffect } from "../../runtime/store.ts";
import { column, numberOrNull, toJson } from "./columns.ts";
import type { Row, Scope } from "./scope.ts";
import { shardOf } from "./shard.ts";

export type RequestedEffect = EffectRequest & { address: Address; cancelled: boolean };

/** Returns how many were new. */
export async function requestEffects(
  { sql, workspaceId, now }: Scope,
  requests: readonly RequestedEffect[],
): Promise<number> {
  if (requests.length === 0) return 0;
  const inserted = await sql`
    insert into rouse.effect
      (workspace_id, address, incarnation, shard, invoke_id, port, input, host, exclusive_key, correlation,
       status, run_at, requested_at, finished_at)
    select ${workspaceId}, x.address, x.incarnation, x.shard, x.invoke_id, x.port, x.input, coalesce(x.host, ''),
           x.exclusive_key, x.correlation, x.status, ${now}::bigint, ${now}::bigint,
           case when x.status = 'cancelled' then ${now}::bigint end
    from unnest(
      ${column(
        sql,
        requests.map((request) => request.address),
      )},
      ${column(
        sql,
        requests.map((request) => request.incarnation),
      )}::bigint[],
      ${column(
        sql,
        requests.map((request) => shardOf(request.address)),
      )}::smallint[],
      ${column(
        sql,
        requests.map((request) => request.invokeId),
      )},
      ${column(
        sql,
        requests.map((request) => request.port),
      )},
      ${column(
        sql,
        requests.map((request) => toJson(request.input)),
      )},
      ${column(
        sql,
        requests.map((request) => request.host),
      )},
      ${column(
        sql,
        requests.map((request) => request.exclusiveKey),
      )},
      ${column(
        sql,
        requests.map((request) => request.correlation),
      )},
      ${column(
        sql,
        requests.map((request) => (request.cancelled ? "cancelled" : "pending")),
      )}
    ) as x(address, incarnation, shard, invoke_id, port, input, host, exclusive_key, correlation, status)
    on conflict do nothing`;
  return inserted.count;
}

/** Ends pending and running effects whose state was left; whoever runs one loses its lease. */
export async function cancelEffects(
  { sql, workspaceId, now }: Scope,
  effects: readonly EffectKey[],
): Promise<void> {
  if (effects.length === 0) return;
  await sql`
    with target as (
      select e.address, e.incarnation
      from rouse.effect e
      join unnest(
        ${column(
          sql,
          effects.map(({ address }) => address),
        )},
        ${column(
          sql,
          effects.map(({ incarnation }) => incarnation),
        )}::bigint[]
      ) as x(address, incarnation) on e.address = x.address and e.incarnation = x.incarnation
      where e.workspace_id = ${workspaceId} and e.status in ('pending', 'running')
      order by e.address, e.incarnation
      for update of e
    ), cancelled as (
      update rouse.effect e
      set status = 'cancelled', finished_at = ${now}::bigint, lease_expires_at = null
      from target t
      where e.workspace_id = ${workspaceId} and e.address = t.address and e.incarnation = t.incarnation
      returning e.address, e.incarnation, e.attempt
    )
    update rouse.effect_attempt a
    set outcome = 'cancelled', finished_at = ${now}::bigint
    from cancelled c
    where a.workspace_id = ${workspaceId} and a.address = c.address and a.incarnation = c.incarnation
      and a.attempt = c.attempt and a.finished_at is null`;
}

export async function listEffects(
  { sql, workspaceId }: Scope,
  { address, status, limit }: { address?: Address; status?: StoredEffect["status"]; limit: number },
): Promise<StoredEffect[]> {
  const rows = await sql`
    select * from rouse.effect
    where workspace_id = ${workspaceId}
      ${address === undefined ? sql`` : sql`and address = ${address}`}
      ${status === undefined ? sql`` : sql`and status = ${status}`}
    order by requested_at desc, address desc, incarnation desc
    limit ${limit}`;
  return rows.map(toEffect);
}

/** Oldest first. */
export async function listEffectsByCorrelation(
  { sql, workspaceId }: Scope,
  correlations: readonly string[],
): Promise<StoredEffect[]> {
  if (correlations.length === 0) return [];
  const rows = await sql`
    select * from rouse.effect
    where workspace_id = ${workspaceId} and correlation = any(${column(sql, correlations)})
    order by requested_at, address, incarnation`;
  return rows.map(toEffect);
}

export async function nextEffectInMs({ sql, workspaceId, now }: Scope): Promise<number | null> {
  const [row] = await sql`
    select min(run_at) - ${now}::bigint as in_ms from rouse.effect
    where workspace_id = ${workspaceId} and status = 'pending' and run_at > ${now}::bigint`;
  return numberOrNull(row?.["in_ms"]);
}

export function toRequest(row: Row): EffectRequest {
  return {
    invokeId: row["invoke_id"],
    incarnation: Number(row["incarnation"]),
    port: row["port"],
    input: JSON.parse(row["input"]),
    host: row["host"] === "" ? null : row["host"],
    exclusiveKey: row["exclusive_key"],
    correlation: row["correlation"],
  };
}

function toEffect(row: Row): StoredEffect {
  return {
    ...toRequest(row),
    address: row["address"] as Address,
    status: row["status"] as StoredEffect["status"],
    attempt: row["attempt"],
    nodeId: row["node_id"],
    requestedAt: Number(row["requested_at"]),
    startedAt: numberOrNull(row["started_at"] ?? row["claimed_at"]),
    finishedAt: numberOrNull(row["finished_at"]),
    outcome: row["outcome"] === null ? null : JSON.parse(row["outcome"]),
  };
}
