import type { EscalationReason } from "../../machines/reasons.ts";
import type { EngineRecords } from "../../machines/records.ts";
import type { Escalation, Page } from "../../runtime/domain.ts";
import { column } from "./columns.ts";
import { pageOf } from "../page.ts";
import { storable } from "../storable.ts";
import type { Scope } from "./scope.ts";

export async function raiseEscalations(
  { sql, workspaceId }: Scope,
  raised: readonly EngineRecords["escalation.raised"][],
): Promise<void> {
  if (raised.length === 0) return;
  await sql`
    insert into rouse.escalation (workspace_id, thread_id, agent_id, reason, detail, raised_at)
    select ${workspaceId}, x.thread_id, x.agent_id, x.reason, (x.detail::json ->> 0), x.raised_at
    from unnest(
      ${column(
        sql,
        raised.map(({ threadId }) => threadId),
      )},
      ${column(
        sql,
        raised.map(({ agentId }) => agentId),
      )},
      ${column(
        sql,
        raised.map(({ reason }) => reason),
      )},
      ${column(
        sql,
        raised.map(({ detail }) => JSON.stringify([storable(detail)])),
      )},
      ${column(
        sql,
        raised.map(({ at }) => at),
      )}::bigint[]
    ) with ordinality as x(thread_id, agent_id, reason, detail, raised_at, place)
    order by x.place`;
}

export async function listEscalations(
  { sql, workspaceId }: Scope,
  { threadId, after, limit }: { threadId?: string; after?: string; limit: number },
): Promise<Page<Escalation>> {
  const rows = await sql`
    select * from rouse.escalation
    where workspace_id = ${workspaceId}
      ${threadId === undefined ? sql`` : sql`and thread_id = ${threadId}`}
      ${after === undefined ? sql`` : sql`and escalation_id < ${after}::bigint`}
    order by escalation_id desc
    limit ${limit + 1}`;
  const escalations = rows.map((row) => ({
    escalationId: row["escalation_id"] as string,
    threadId: row["thread_id"],
    agentId: row["agent_id"],
    reason: row["reason"] as EscalationReason,
    detail: row["detail"],
    at: Number(row["raised_at"]),
  }));
  return pageOf(escalations, limit, ({ escalationId }) => escalationId);
}
