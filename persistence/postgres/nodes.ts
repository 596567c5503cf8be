import type { Scope } from "./scope.ts";

/** Returns the other hosts of which no node was heard for `lostAfterMs`. */
export async function beatNode(
  { sql, workspaceId, now }: Scope,
  { nodeId, host, url, lostAfterMs }: { nodeId: string; host: string; url: string; lostAfterMs: number },
): Promise<{ lost: string[] }> {
  await sql`
    insert into rouse.node (workspace_id, node_id, host, url, beat_at)
    values (${workspaceId}, ${nodeId}, ${host}, ${url}, ${now}::bigint)
    on conflict (workspace_id, node_id) do update
    set host = excluded.host, url = excluded.url, beat_at = excluded.beat_at`;
  const rows = await sql`
    select host from rouse.node
    where workspace_id = ${workspaceId} and host <> ${host}
    group by host
    having max(beat_at) <= ${now}::bigint - ${lostAfterMs}::bigint
    order by host`;
  return { lost: rows.map((row) => row["host"] as string) };
}

export async function removeNode({ sql, workspaceId }: Scope, nodeId: string): Promise<void> {
  await sql`delete from rouse.node where workspace_id = ${workspaceId} and node_id = ${nodeId}`;
}
