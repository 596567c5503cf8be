import type { StoredActor } from "../../runtime/store.ts";
import { toActor } from "./actors.ts";
import type { Scope } from "./scope.ts";
import { shardCount } from "../../runtime/shard.ts";

/** Actors by whether somebody has their chart. */

/**
 * Looks at the first mail of each shard only: what nobody consumes is there sooner or later. A node without an instance
 * is of the release before, which told no charts.
 */
export async function claimUnrunnable(
  { sql, workspaceId, now }: Scope,
  { charts, lostAfterMs, limit }: { charts: readonly string[]; lostAfterMs: number; limit: number },
): Promise<StoredActor[]> {
  const rows = await sql`
    select a.* from (
      select distinct h.address
      from generate_series(0, ${shardCount - 1}) as s(shard)
      cross join lateral (
        select m.address from rouse.mailbox m
        where m.workspace_id = ${workspaceId} and m.shard = s.shard::smallint
          and not exists (
            select 1 from rouse.actor q
            where q.workspace_id = ${workspaceId} and q.address = m.address and q.status = 'quarantined'
          )
        order by m.seq
        limit ${headsPerShard}
      ) h
    ) waiting
    join rouse.actor a on a.workspace_id = ${workspaceId} and a.address = waiting.address
    where a.status <> 'quarantined' and a.kind || '@' || a.machine_hash <> all(${charts}::text[])
      and not exists (
        select 1 from rouse.node n
        where n.workspace_id = ${workspaceId} and n.beat_at > ${now}::bigint - ${lostAfterMs}::bigint
          and (n.instance = '' or n.charts::jsonb ? (a.kind || '@' || a.machine_hash))
      )
    order by a.address
    limit ${limit}
    for update of a skip locked`;
  return rows.map(toActor);
}

const headsPerShard = 16;

/** The newest journal entry tells why the actor was set aside: nothing comes after it. */
export async function claimSetAside(
  { sql, workspaceId }: Scope,
  { charts, limit }: { charts: readonly string[]; limit: number },
): Promise<StoredActor[]> {
  const rows = await sql`
    select a.* from rouse.actor a
    join rouse.journal j
      on j.workspace_id = a.workspace_id and j.address = a.address and j.seq = a.version
    where a.workspace_id = ${workspaceId} and a.status = 'quarantined'
      and a.kind || '@' || a.machine_hash = any(${charts}::text[])
      and j.entry::jsonb ->> 'dropped' = 'machineMissing'
    order by a.address
    limit ${limit}
    for update of a skip locked`;
  return rows.map(toActor);
}
