import type { EngineRecords } from "../../machines/records.ts";
import type { WakeEffect, WakeReceipt } from "../../runtime/domain.ts";
import type { StoredEffect } from "../../runtime/store.ts";
import { column, numberOrNull } from "./columns.ts";
import { listEffectsByCorrelation } from "./effects.ts";
import { inLockOrder } from "./lock-order.ts";
import type { Row, Scope } from "./scope.ts";

export async function openWakes(
  { sql, workspaceId }: Scope,
  unordered: readonly EngineRecords["wake.opened"][],
): Promise<void> {
  if (unordered.length === 0) return;
  const opened = inLockOrder(unordered, ({ wakeId }) => wakeId);
  await sql`
    insert into rouse.wake (workspace_id, wake_id, thread_id, agent_id, head_seq, opened_at)
    select ${workspaceId}, x.*
    from unnest(
      ${column(
        sql,
        opened.map(({ wakeId }) => wakeId),
      )},
      ${column(
        sql,
        opened.map(({ threadId }) => threadId),
      )},
      ${column(
        sql,
        opened.map(({ agentId }) => agentId),
      )},
      ${column(
        sql,
        opened.map(({ headSeq }) => headSeq),
      )}::bigint[],
      ${column(
        sql,
        opened.map(({ at }) => at),
      )}::bigint[]
    ) as x
    on conflict do nothing`;
}

/** The first acknowledgement stays. */
export async function acknowledgeWakes(
  { sql, workspaceId }: Scope,
  acknowledged: readonly EngineRecords["wake.acknowledged"][],
): Promise<void> {
  if (acknowledged.length === 0) return;
  const first = firstPerWake(acknowledged);
  await sql`
    update rouse.wake w set acknowledged_at = x.at, acknowledged_by = x.by
    from unnest(
      ${column(
        sql,
        first.map(({ wakeId }) => wakeId),
      )},
      ${column(
        sql,
        first.map(({ by }) => by),
      )},
      ${column(
        sql,
        first.map(({ at }) => at),
      )}::bigint[]
    ) as x(wake_id, by, at)
    cross join lateral (
      select b.ctid from rouse.wake b where b.workspace_id = ${workspaceId} and b.wake_id = x.wake_id offset 0
    ) found
    where w.ctid = found.ctid and w.acknowledged_at is null`;
}

/** The first outcome stays. */
export async function closeWakes(
  { sql, workspaceId }: Scope,
  closed: readonly EngineRecords["wake.closed"][],
): Promise<void> {
  if (closed.length === 0) return;
  const first = firstPerWake(closed);
  await sql`
    update rouse.wake w set closed_at = x.at, outcome = x.outcome, reason = x.reason
    from unnest(
      ${column(
        sql,
        first.map(({ wakeId }) => wakeId),
      )},
      ${column(
        sql,
        first.map(({ outcome }) => outcome),
      )},
      ${column(
        sql,
        first.map(({ reason }) => reason),
      )},
      ${column(
        sql,
        first.map(({ at }) => at),
      )}::bigint[]
    ) as x(wake_id, outcome, reason, at)
    cross join lateral (
      select b.ctid from rouse.wake b where b.workspace_id = ${workspaceId} and b.wake_id = x.wake_id offset 0
    ) found
    where w.ctid = found.ctid and w.closed_at is null`;
}

export async function listWakes(
  scope: Scope,
  query: { threadId?: string; agentId?: string; wakeId?: string; limit: number },
): Promise<WakeReceipt[]> {
  const { sql, workspaceId } = scope;
  const { threadId, agentId, wakeId, limit } = query;
  const rows = await sql`
    select * from rouse.wake
    where workspace_id = ${workspaceId}
      ${threadId === undefined ? sql`` : sql`and thread_id = ${threadId}`}
      ${agentId === undefined ? sql`` : sql`and agent_id = ${agentId}`}
      ${wakeId === undefined ? sql`` : sql`and wake_id = ${wakeId}`}
    order by opened_at desc, wake_id desc
    limit ${limit}`;
  const effects = await listEffectsByCorrelation(
    scope,
    rows.map((row) => row["wake_id"] as string),
  );
  return rows.map((row) => toReceipt(row, effects));
}

function firstPerWake<Entry extends { wakeId: string }>(entries: readonly Entry[]): Entry[] {
  const first = new Map(entries.toReversed().map((entry) => [entry.wakeId, entry]));
  return inLockOrder([...first.values()], ({ wakeId }) => wakeId);
}

function toReceipt(row: Row, effects: readonly StoredEffect[]): WakeReceipt {
  return {
    wakeId: row["wake_id"],
    threadId: row["thread_id"],
    agentId: row["agent_id"],
    headSeq: Number(row["head_seq"]),
    openedAt: Number(row["opened_at"]),
    acknowledgedAt: numberOrNull(row["acknowledged_at"]),
    acknowledgedBy: row["acknowledged_by"],
    closedAt: numberOrNull(row["closed_at"]),
    outcome: row["outcome"],
    reason: row["reason"],
    effects: effects.filter(({ correlation }) => correlation === row["wake_id"]).map(toWakeEffect),
  };
}

function toWakeEffect(effect: StoredEffect): WakeEffect {
  const { port, attempt, status, requestedAt, startedAt, finishedAt, outcome } = effect;
  return { port, attempt, status, requestedAt, startedAt, finishedAt, outcome };
}
