import { silentNodeKeptMs, type NodeBeat, type NodeIdentity, type StoredNode } from "../../runtime/store.ts";
import { nodeIdTaken } from "../node-taken.ts";
import type { Row, Scope } from "./scope.ts";

/** Returns the other hosts of which no node was heard for `lostAfterMs`. Throws `node_id_taken`. */
export async function beatNode(
  scope: Scope,
  request: NodeBeat & { lostAfterMs: number; replaces?: string },
): Promise<{ lost: string[] }> {
  const { sql, workspaceId, now } = scope;
  const { host, lostAfterMs } = request;
  while (!(await keepId(scope, request))) await requireNoHolder(scope, request);
  await sql`
    delete from rouse.node
    where workspace_id = ${workspaceId} and host = ${host} and beat_at <= ${now}::bigint - ${silentNodeKeptMs}::bigint`;
  const heardSince = sql`${now}::bigint - ${lostAfterMs}::bigint`;
  const rows = await sql`
    select n.host from rouse.node n
    where n.workspace_id = ${workspaceId} and n.host <> ${host}
    group by n.host
    having max(n.beat_at) <= ${heardSince}
    order by n.host`;
  return { lost: rows.map((row) => row["host"] as string) };
}

/** A row without an instance is one of the release before, which knew only of ids. */
async function keepId(
  { sql, workspaceId, now }: Scope,
  request: NodeBeat & { lostAfterMs: number; replaces?: string },
): Promise<boolean> {
  const { nodeId, instance, host, url, charts, draining, lostAfterMs, replaces = instance } = request;
  const process = request.process === null ? null : JSON.stringify(request.process);
  const kept = await sql`
    insert into rouse.node as n
      (workspace_id, node_id, instance, host, url, process, charts, draining, started_at, beat_at)
    values (${workspaceId}, ${nodeId}, ${instance}, ${host}, ${url}, ${process}, ${JSON.stringify(charts)}, ${draining},
            ${now}::bigint, ${now}::bigint)
    on conflict (workspace_id, node_id) do update
    set instance = excluded.instance, host = excluded.host, url = excluded.url, process = excluded.process,
        charts = excluded.charts, draining = excluded.draining, beat_at = excluded.beat_at,
        started_at = case when n.instance = excluded.instance then n.started_at else excluded.started_at end
    where n.instance in (excluded.instance, ${replaces}, '') or n.beat_at <= ${now}::bigint - ${lostAfterMs}::bigint`;
  return kept.count === 1;
}

/** Throws `node_id_taken`, unless the holder left in this very moment. */
async function requireNoHolder({ sql, workspaceId, now }: Scope, { nodeId }: NodeBeat): Promise<void> {
  const [row] = await sql`
    select *, ${now}::bigint - beat_at as silent_ms from rouse.node
    where workspace_id = ${workspaceId} and node_id = ${nodeId}`;
  if (row === undefined) return;
  throw nodeIdTaken(nodeId, {
    instance: row["instance"],
    host: row["host"],
    process: processOf(row),
    silentMs: Number(row["silent_ms"]),
  });
}

/** Locked in one order, or two nodes at once would deadlock. */
export async function forgetHost(
  { sql, workspaceId, now }: Scope,
  { host, lostAfterMs }: { host: string; lostAfterMs: number },
): Promise<boolean> {
  const heardSince = sql`${now}::bigint - ${lostAfterMs}::bigint`;
  const locked = await sql`
    select beat_at > ${heardSince} as is_heard from rouse.node
    where workspace_id = ${workspaceId} and host = ${host}
    order by node_id
    for update`;
  if (locked.length === 0 || locked.some((row) => row["is_heard"])) return false;
  const forgotten = await sql`
    delete from rouse.node where workspace_id = ${workspaceId} and host = ${host} and beat_at <= ${heardSince}`;
  return forgotten.count > 0;
}

export async function removeNode({ sql, workspaceId }: Scope, node: NodeIdentity): Promise<void> {
  await sql`
    delete from rouse.node
    where workspace_id = ${workspaceId} and node_id = ${node.nodeId} and instance = ${node.instance}`;
}

export async function listNodes({ sql, workspaceId }: Scope): Promise<StoredNode[]> {
  const rows = await sql`
    select n.*, (
      select count(*) from rouse.effect e
      where e.workspace_id = n.workspace_id and e.status = 'running' and e.node_id = n.node_id
    ) as in_hand
    from rouse.node n where n.workspace_id = ${workspaceId} order by n.node_id`;
  return rows.map((row) => ({
    nodeId: row["node_id"],
    instance: row["instance"],
    host: row["host"],
    url: row["url"],
    process: processOf(row),
    charts: JSON.parse(row["charts"]),
    draining: row["draining"],
    startedAt: Number(row["started_at"] ?? row["beat_at"]),
    beatAt: Number(row["beat_at"]),
    effectsInHand: Number(row["in_hand"]),
  }));
}

function processOf(row: Row): NodeBeat["process"] {
  const text: unknown = row["process"];
  return typeof text === "string" ? (JSON.parse(text) as NodeBeat["process"]) : null;
}
