import type { Scope } from "./scope.ts";

/**
 * Returns the other hosts of which no node was heard for `lostAfterMs`, and forgets their nodes: whoever deletes the
 * rows tells of the host, so that it is told once. Locked in one order, or two nodes at once would deadlock.
 */
export async function beatNode(
  { sql, workspaceId, now }: Scope,
  { nodeId, host, url, lostAfterMs }: { nodeId: string; host: string; url: string; lostAfterMs: number },
): Promise<{ lost: string[] }> {
  await sql`
    insert into rouse.node (workspace_id, node_id, host, url, beat_at)
    values (${workspaceId}, ${nodeId}, ${host}, ${url}, ${now}::bigint)
    on conflict (workspace_id, node_id) do update
    set host = excluded.host, url = excluded.url, beat_at = excluded.beat_at`;
  const heardSince = sql`${now}::bigint - ${lostAfterMs}::bigint`;
  const rows = await sql`
    with silent as (
      select n.node_id from rouse.node n
      where n.workspace_id = ${workspaceId} and n.host <> ${host} and n.beat_at <= ${heardSince}
        and not exists (
          select 1 from rouse.node h
          where h.workspace_id = ${workspaceId} and h.host = n.host and h.beat_at > ${heardSince}
        )
      order by n.node_id
      for update
    )
    delete from rouse.node n using silent s
    where n.workspace_id = ${workspaceId} and n.node_id = s.node_id
    returning n.host`;
  const hosts = rows.map((row) => row["host"] as string);
  return { lost: [...new Set(hosts)].toSorted() };
}

export async function removeNode({ sql, workspaceId }: Scope, nodeId: string): Promise<void> {
  await sql`delete from rouse.node where workspace_id = ${workspaceId} and node_id = ${nodeId}`;
}
