import type { Address } from "../../machines/mail.ts";
import { RouseError } from "../../runtime/errors.ts";
import type {
  ClaimedEffect,
  EffectAttempt,
  EffectKey,
  EffectOutcome,
  EffectRequest,
  Lease,
} from "../../runtime/store.ts";
import { completionEvent, leaseLost } from "../completion.ts";
import { column, numberOrNull, toJson } from "./columns.ts";
import { toRequest } from "./effects.ts";
import type { Row, Scope } from "./scope.ts";
import { shardOf } from "../../runtime/shard.ts";

/**
 * Takes pending effects. Of several with one exclusive key only the first is taken, and none while another is held; when
 * two nodes take two of them at the same moment, the unique index refuses one statement as a whole (SQLSTATE 23505).
 */
export async function claimEffects(
  { sql, workspaceId, now }: Scope,
  request: { nodeId: string; host: string; ports: readonly string[]; limit: number; leaseMs: number },
): Promise<ClaimedEffect[]> {
  const { nodeId, host, ports, limit, leaseMs } = request;
  const rows = await sql`
    with candidate as (
      select e.*
      from (values (''), (${host})) as h(host)
      cross join lateral (
        select address, incarnation, exclusive_key, run_at
        from rouse.effect e
        where e.workspace_id = ${workspaceId} and e.status = 'pending' and e.host = h.host
          and e.run_at <= ${now}::bigint and e.port = any(${column(sql, ports)})
          and (e.exclusive_key is null or not exists (
            select 1 from rouse.effect r
            where r.workspace_id = ${workspaceId} and r.lease_expires_at is not null
              and r.exclusive_key = e.exclusive_key
          ))
        order by e.run_at, e.address, e.incarnation
        limit ${limit}
        for update of e skip locked
      ) e
    ), chosen as (
      select distinct on (exclusive_key, case when exclusive_key is null then address || ' ' || incarnation end)
        address, incarnation, run_at
      from candidate
      order by exclusive_key, case when exclusive_key is null then address || ' ' || incarnation end,
        run_at, address, incarnation
    ), first as (
      select address, incarnation from chosen order by run_at, address, incarnation limit ${limit}
    ), claimed as (
      update rouse.effect e
      set status = 'running', node_id = ${nodeId}, attempt = e.attempt + 1, lease_token = e.lease_token + 1,
          lease_expires_at = ${now}::bigint + ${leaseMs}::bigint, claimed_at = ${now}::bigint
      from first c
      where e.workspace_id = ${workspaceId} and e.address = c.address and e.incarnation = c.incarnation
      returning e.*
    ), attempt as (
      insert into rouse.effect_attempt
        (workspace_id, address, incarnation, attempt, node_id, lease_token, claimed_at)
      select workspace_id, address, incarnation, attempt, node_id, lease_token, claimed_at from claimed
    )
    select * from claimed order by run_at, address, incarnation`;
  return rows.map(toClaimed);
}

/** Takes over from silent holders; their attempts end as `expired`. What they no longer perform gives its exclusive key free. */
export async function claimExpiredEffects(
  { sql, workspaceId, now }: Scope,
  {
    nodeId,
    limit,
    leaseMs,
    includingOwn = false,
  }: { nodeId: string; limit: number; leaseMs: number; includingOwn?: boolean },
): Promise<ClaimedEffect[]> {
  const orOwn = includingOwn ? sql`or node_id = ${nodeId}` : sql``;
  await sql`
    update rouse.effect set lease_expires_at = null
    where workspace_id = ${workspaceId} and status = 'cancelled' and lease_expires_at is not null
      and (lease_expires_at <= ${now}::bigint ${orOwn})`;
  const rows = await sql`
    with expired as (
      select address, incarnation, attempt from rouse.effect
      where workspace_id = ${workspaceId} and status = 'running'
        and (lease_expires_at <= ${now}::bigint ${orOwn})
      order by lease_expires_at, address, incarnation
      limit ${limit}
      for update skip locked
    ), ended as (
      update rouse.effect_attempt a
      set outcome = 'expired', finished_at = ${now}::bigint
      from expired x
      where a.workspace_id = ${workspaceId} and a.address = x.address and a.incarnation = x.incarnation
        and a.attempt = x.attempt
    ), claimed as (
      update rouse.effect e
      set node_id = ${nodeId}, attempt = e.attempt + 1, lease_token = e.lease_token + 1,
          lease_expires_at = ${now}::bigint + ${leaseMs}::bigint, claimed_at = ${now}::bigint
      from expired x
      where e.workspace_id = ${workspaceId} and e.address = x.address and e.incarnation = x.incarnation
      returning e.*
    ), attempt as (
      insert into rouse.effect_attempt
        (workspace_id, address, incarnation, attempt, node_id, lease_token, claimed_at)
      select workspace_id, address, incarnation, attempt, node_id, lease_token, claimed_at from claimed
    )
    select * from claimed order by run_at, address, incarnation`;
  return rows.map(toClaimed);
}

/** Throws `lease_lost`. */
export async function startEffect({ sql, workspaceId, now }: Scope, lease: Lease): Promise<void> {
  const started = await sql`
    with started as (
      update rouse.effect set started_at = ${now}::bigint
      where ${isHeld({ sql, workspaceId }, lease)}
      returning address, incarnation, attempt
    )
    update rouse.effect_attempt a set started_at = ${now}::bigint
    from started s
    where a.workspace_id = ${workspaceId} and a.address = s.address and a.incarnation = s.incarnation
      and a.attempt = s.attempt`;
  if (started.count !== 1) throw leaseLost(lease);
}

/** Returns the leases that are lost. */
export async function renewLeases(
  { sql, workspaceId, now }: Scope,
  { leases, leaseMs }: { leases: readonly Lease[]; leaseMs: number },
): Promise<Lease[]> {
  if (leases.length === 0) return [];
  const rows = await sql`
    with held as (
      select e.address, e.incarnation
      from rouse.effect e
      join unnest(
        ${column(
          sql,
          leases.map(({ address }) => address),
        )},
        ${column(
          sql,
          leases.map(({ incarnation }) => incarnation),
        )}::bigint[],
        ${column(
          sql,
          leases.map(({ token }) => token),
        )}::bigint[]
      ) as x(address, incarnation, token)
        on e.address = x.address and e.incarnation = x.incarnation and e.lease_token = x.token
      where e.workspace_id = ${workspaceId} and e.status = 'running'
      order by e.address, e.incarnation
      for update of e
    )
    update rouse.effect e set lease_expires_at = ${now}::bigint + ${leaseMs}::bigint
    from held h
    where e.workspace_id = ${workspaceId} and e.address = h.address and e.incarnation = h.incarnation
    returning e.address, e.incarnation, e.lease_token`;
  const renewed = new Set(rows.map((row) => `${row["address"]} ${row["incarnation"]} ${row["lease_token"]}`));
  return leases.filter(
    ({ address, incarnation, token }) => !renewed.has(`${address} ${incarnation} ${token}`),
  );
}

/** Nothing happens unless the effect was cancelled under this very lease. */
export async function releaseEffect({ sql, workspaceId }: Scope, lease: Lease): Promise<void> {
  await sql`
    update rouse.effect set lease_expires_at = null
    where workspace_id = ${workspaceId} and address = ${lease.address} and incarnation = ${lease.incarnation}
      and lease_token = ${lease.token} and status = 'cancelled'`;
}

/** To be run in a transaction. Throws `lease_lost`. */
export async function settleEffect(scope: Scope, lease: Lease, outcome: EffectOutcome): Promise<void> {
  const settled = await endAttempt(scope, lease, outcome);
  if (settled === null) throw leaseLost(lease);
  const completion = completionEvent(settled, outcome);
  if (completion === null) return;
  const { sql, workspaceId, now } = scope;
  await sql`
    insert into rouse.mailbox (workspace_id, shard, address, sender, event, cause, sent_at)
    values (${workspaceId}, ${shardOf(lease.address)}, ${lease.address}, ${completion.from},
            ${JSON.stringify(completion.event)}, ${JSON.stringify(completion.cause)}, ${now}::bigint)`;
}

async function endAttempt(scope: Scope, lease: Lease, outcome: EffectOutcome): Promise<EffectRequest | null> {
  const { sql, workspaceId, now } = scope;
  const error = "error" in outcome ? toJson(outcome.error) : null;
  const change =
    outcome.status === "retry"
      ? sql`status = 'pending', run_at = ${now}::bigint + ${Math.ceil(outcome.delayMs)}::bigint, started_at = null`
      : sql`status = ${outcome.status}, finished_at = ${now}::bigint,
            outcome = ${"error" in outcome ? error : toJson(outcome.output)}`;
  const [row] = await sql`
    with settled as (
      update rouse.effect set ${change}, lease_expires_at = null
      where ${isHeld(scope, lease)}
      returning *
    ), ended as (
      update rouse.effect_attempt a
      set outcome = ${outcome.status}, error = ${error}, finished_at = ${now}::bigint
      from settled s
      where a.workspace_id = ${workspaceId} and a.address = s.address and a.incarnation = s.incarnation
        and a.attempt = s.attempt
    )
    select * from settled`;
  return row === undefined ? null : toRequest(row);
}

/** Locks the effect until the end of the transaction, so that nobody takes it over meanwhile. Throws `lease_lost`. */
export async function requireLease(scope: Scope, lease: Lease): Promise<void> {
  const [row] = await scope.sql`select 1 from rouse.effect where ${isHeld(scope, lease)} for update`;
  if (row === undefined) throw leaseLost(lease);
}

export async function listAttempts(
  { sql, workspaceId }: Scope,
  { address, incarnation }: EffectKey,
): Promise<EffectAttempt[]> {
  const rows = await sql`
    select * from rouse.effect_attempt
    where workspace_id = ${workspaceId} and address = ${address} and incarnation = ${incarnation}
    order by attempt`;
  return rows.map((row) => ({
    attempt: row["attempt"],
    nodeId: row["node_id"],
    token: Number(row["lease_token"]),
    claimedAt: Number(row["claimed_at"]),
    startedAt: numberOrNull(row["started_at"]),
    finishedAt: numberOrNull(row["finished_at"]),
    outcome: row["outcome"],
    error: row["error"] === null ? null : JSON.parse(row["error"]),
  }));
}

/** True for a refusal that means: another node took an effect with the same exclusive key at the same moment. */
export function isExclusiveKeyTaken(error: unknown): boolean {
  return (
    !(error instanceof RouseError) && error instanceof Error && "code" in error && error.code === "23505"
  );
}

function isHeld({ sql, workspaceId }: Pick<Scope, "sql" | "workspaceId">, lease: Lease) {
  return sql`workspace_id = ${workspaceId} and address = ${lease.address} and incarnation = ${lease.incarnation}
    and lease_token = ${lease.token} and status = 'running'`;
}

function toClaimed(row: Row): ClaimedEffect {
  const request = toRequest(row);
  return {
    ...request,
    lease: {
      address: row["address"] as Address,
      incarnation: request.incarnation,
      token: Number(row["lease_token"]),
    },
    attempt: row["attempt"],
    startedBefore: row["started_at"] !== null,
    requestedAt: Number(row["requested_at"]),
  };
}
