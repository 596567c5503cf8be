import type { Address } from "../../machines/mail.ts";
import type { EffectKey, EffectRequest, StoredEffect } from "../../runtime/store.ts";
import { column, numberOrNull, toJson } from "./columns.ts";
import { inFlight } from "./flight.ts";
import { inLockOrder } from "./lock-order.ts";
import type { Row, Scope } from "./scope.ts";
import { shardOf } from "../../runtime/shard.ts";

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
    ) as x(address, incarnation, shard, invoke_id, port, input, host, exclusive_key, correlation, status)`;
  return inserted.count;
}

/**
 * Ends pending and running effects whose state was left; whoever runs one may write nothing more under its lease. With an
 * exclusive key the lease stays until its performer has stopped, so that the next holder of the key does not meet it.
 */
export async function cancelEffects(
  { sql, workspaceId, now }: Scope,
  unordered: readonly EffectKey[],
): Promise<void> {
  if (unordered.length === 0) return;
  const effects = inLockOrder(unordered, ({ address, incarnation }) => `${address} ${incarnation}`);
  const keys = sql`unnest(
    ${column(
      sql,
      effects.map(({ address }) => address),
    )},
    ${column(
      sql,
      effects.map(({ incarnation }) => incarnation),
    )}::bigint[]
  ) as x(address, incarnation)`;
  const unfinished = sql`
    e.workspace_id = ${workspaceId} and e.address = x.address and e.incarnation = x.incarnation
      and e.status in ('pending', 'running')`;
  await inFlight([
    // Their performers write, too: the next statement sees what they wrote before this lock, and nothing changes after it.
    sql`
      select count(*) from ${keys}
      cross join lateral (select 1 from rouse.effect e where ${unfinished} offset 0 for update) locked`,
    sql`
      with cancelled as (
        update rouse.effect c
        set status = 'cancelled', finished_at = ${now}::bigint,
            lease_expires_at = case when c.exclusive_key is not null then c.lease_expires_at end
        from ${keys}
        cross join lateral (select e.ctid from rouse.effect e where ${unfinished} offset 0) found
        where c.ctid = found.ctid
        returning c.address, c.incarnation, c.attempt
      )
      update rouse.effect_attempt a
      set outcome = 'cancelled', finished_at = ${now}::bigint
      from cancelled c
      cross join lateral (
        select b.ctid from rouse.effect_attempt b
        where b.workspace_id = ${workspaceId} and b.address = c.address and b.incarnation = c.incarnation
          and b.attempt = c.attempt and b.finished_at is null
        offset 0
      ) found
      where a.ctid = found.ctid`,
  ]);
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

export async function getEffect(
  { sql, workspaceId }: Scope,
  { address, incarnation }: EffectKey,
): Promise<StoredEffect | null> {
  const [row] = await sql`
    select * from rouse.effect
    where workspace_id = ${workspaceId} and address = ${address} and incarnation = ${incarnation}`;
  return row === undefined ? null : toEffect(row);
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
    nextTryAt: row["status"] === "pending" ? Number(row["run_at"]) : null,
    leaseExpiresAt: numberOrNull(row["lease_expires_at"]),
    requestedAt: Number(row["requested_at"]),
    startedAt: numberOrNull(row["started_at"] ?? row["claimed_at"]),
    finishedAt: numberOrNull(row["finished_at"]),
    outcome: row["outcome"] === null ? null : JSON.parse(row["outcome"]),
  };
}
