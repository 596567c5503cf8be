import type { Address } from "../../machines/mail.ts";
import type { Cause, TimerArm } from "../../runtime/store.ts";
import { column } from "./columns.ts";
import { inLockOrder } from "./lock-order.ts";
import type { Scope } from "./scope.ts";
import { shardOf } from "../../runtime/shard.ts";

/** Arming a timer that exists replaces it. */
export async function armTimers(
  { sql, workspaceId, now }: Scope,
  unordered: readonly (TimerArm & { address: Address })[],
): Promise<void> {
  if (unordered.length === 0) return;
  const arms = inLockOrder(unordered, ({ address, id }) => `${address} ${id}`);
  await sql`
    insert into rouse.timer (workspace_id, address, timer_id, shard, incarnation, due_at, event, cause)
    select ${workspaceId}, x.address, x.timer_id, x.shard, x.incarnation, ${now}::bigint + x.delay_ms, x.event, x.cause
    from unnest(
      ${column(
        sql,
        arms.map(({ address }) => address),
      )},
      ${column(
        sql,
        arms.map(({ id }) => id),
      )},
      ${column(
        sql,
        arms.map(({ address }) => shardOf(address)),
      )}::smallint[],
      ${column(
        sql,
        arms.map(({ incarnation }) => incarnation),
      )}::bigint[],
      ${column(
        sql,
        arms.map(({ delayMs }) => Math.ceil(Math.max(0, delayMs))),
      )}::bigint[],
      ${column(
        sql,
        arms.map(({ event }) => JSON.stringify(event)),
      )},
      ${column(
        sql,
        arms.map((arm) => JSON.stringify(causeOf(arm))),
      )}
    ) as x(address, timer_id, shard, incarnation, delay_ms, event, cause)
    on conflict (workspace_id, address, timer_id) do update
    set incarnation = excluded.incarnation, due_at = excluded.due_at, event = excluded.event, cause = excluded.cause`;
}

export async function cancelTimers(
  { sql, workspaceId }: Scope,
  unordered: readonly { address: Address; id: string }[],
): Promise<void> {
  if (unordered.length === 0) return;
  const timers = inLockOrder(unordered, ({ address, id }) => `${address} ${id}`);
  await sql`
    delete from rouse.timer t
    using unnest(
      ${column(
        sql,
        timers.map(({ address }) => address),
      )},
      ${column(
        sql,
        timers.map(({ id }) => id),
      )}
    ) as x(address, timer_id)
    cross join lateral (
      select b.ctid from rouse.timer b
      where b.workspace_id = ${workspaceId} and b.address = x.address and b.timer_id = x.timer_id
      offset 0
    ) found
    where t.ctid = found.ctid`;
}

/**
 * One statement, so one transaction: a due timer is gone exactly when its mail is there. Several nodes may fire. A timer that
 * is armed anew at this moment has moved to another place and stays.
 */
export async function fireTimers({ sql, workspaceId, now }: Scope, limit: number): Promise<number> {
  const rows = await sql`
    with due as (
      select ctid from rouse.timer
      where workspace_id = ${workspaceId} and due_at <= ${now}::bigint
      order by due_at, address, timer_id
      limit ${limit}
      for update skip locked
    ), fired as (
      delete from rouse.timer t using due where t.ctid = due.ctid
      returning t.*
    )
    insert into rouse.mailbox (workspace_id, shard, address, sender, event, cause, sent_at)
    select workspace_id, shard, address, 'timer', event, cause, ${now}::bigint
    from fired order by due_at, address, timer_id`;
  return rows.count;
}

export async function nextTimerInMs({ sql, workspaceId, now }: Scope): Promise<number | null> {
  const [row] = await sql`
    select due_at - ${now}::bigint as in_ms from rouse.timer where workspace_id = ${workspaceId} order by due_at limit 1`;
  return row === undefined ? null : Math.max(0, Number(row["in_ms"]));
}

export async function listTimers(
  { sql, workspaceId }: Scope,
  address: Address,
): Promise<{ id: string; incarnation: number; dueAt: number }[]> {
  const rows = await sql`
    select timer_id, incarnation, due_at from rouse.timer
    where workspace_id = ${workspaceId} and address = ${address}
    order by due_at, timer_id`;
  return rows.map((row) => ({
    id: row["timer_id"],
    incarnation: Number(row["incarnation"]),
    dueAt: Number(row["due_at"]),
  }));
}

function causeOf({ id, incarnation }: TimerArm): Cause {
  return { type: "timer", id, incarnation };
}
