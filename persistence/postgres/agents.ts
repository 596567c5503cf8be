import type { Agent, AgentSession, Page } from "../../runtime/domain.ts";
import { agentNotFound } from "../missing.ts";
import { numberOrNull, toJson } from "./columns.ts";
import { pageOf } from "../page.ts";
import type { Row, Scope } from "./scope.ts";
import { takeSwitches } from "./switch-lock.ts";

export async function putAgent(
  { sql, workspaceId }: Scope,
  { agentId, kind, definition, host }: Pick<Agent, "agentId" | "kind" | "definition" | "host">,
): Promise<void> {
  await sql`
    insert into rouse.agent (workspace_id, agent_id, kind, definition, host)
    values (${workspaceId}, ${agentId}, ${kind}, ${toJson(definition)}, ${host})
    on conflict (workspace_id, agent_id) do update
    set kind = excluded.kind, definition = excluded.definition, host = excluded.host`;
}

export async function getAgent({ sql, workspaceId }: Scope, agentId: string): Promise<Agent | null> {
  const [row] =
    await sql`select * from rouse.agent where workspace_id = ${workspaceId} and agent_id = ${agentId}`;
  return row === undefined ? null : toAgent(row);
}

export async function listAgents(
  { sql, workspaceId }: Scope,
  { after = "", limit }: { after?: string; limit: number },
): Promise<Page<Agent>> {
  const rows = await sql`
    select * from rouse.agent where workspace_id = ${workspaceId} and agent_id > ${after}
    order by agent_id limit ${limit + 1}`;
  return pageOf(rows.map(toAgent), limit, ({ agentId }) => agentId);
}

export async function recordHeartbeat(
  { sql, workspaceId, now }: Scope,
  { agentId, session }: { agentId: string; session: AgentSession | null },
): Promise<Agent> {
  const [row] = await sql`
    insert into rouse.agent as a
      (workspace_id, agent_id, session_id, session_host, session_resumable, last_heartbeat_at)
    values (${workspaceId}, ${agentId}, ${session?.sessionId ?? null}, ${session?.host ?? null},
            ${session?.resumable ?? null}::boolean, ${now}::bigint)
    on conflict (workspace_id, agent_id) do update
    set last_heartbeat_at = greatest(a.last_heartbeat_at, excluded.last_heartbeat_at)
      ${
        session === null
          ? sql``
          : sql`, session_id = excluded.session_id, session_host = excluded.session_host,
        session_resumable = excluded.session_resumable`
      }
    returning *`;
  if (row === undefined) throw agentNotFound(agentId);
  return toAgent(row);
}

/** Creates the agent when it is new. */
export async function pauseAgent(
  scope: Scope,
  { agentId, paused }: { agentId: string; paused: boolean },
): Promise<void> {
  const { sql, workspaceId } = scope;
  await takeSwitches(scope);
  await sql`
    insert into rouse.agent (workspace_id, agent_id, paused) values (${workspaceId}, ${agentId}, ${paused})
    on conflict (workspace_id, agent_id) do update set paused = excluded.paused`;
}

function toAgent(row: Row): Agent {
  return {
    agentId: row["agent_id"],
    kind: row["kind"],
    definition: row["definition"] === null ? null : JSON.parse(row["definition"]),
    host: row["host"],
    session: toSession(row),
    lastHeartbeatAt: numberOrNull(row["last_heartbeat_at"]),
    paused: row["paused"],
  };
}

function toSession(row: Row): AgentSession | null {
  if (row["session_id"] === null) return null;
  return { sessionId: row["session_id"], host: row["session_host"], resumable: row["session_resumable"] };
}
