import type { AuditEntry, Page } from "../../runtime/domain.ts";
import { toJson } from "./columns.ts";
import { pageOf } from "../page.ts";
import type { Row, Scope } from "./scope.ts";

/** Rows are only ever added. */
export async function appendAudit(
  { sql, workspaceId, now }: Scope,
  entry: Omit<AuditEntry, "at">,
): Promise<void> {
  const { actor, role, operation, subject, outcome, code, reason, details, requestId } = entry;
  await sql`
    insert into rouse.audit
      (workspace_id, at, actor, role, operation, subject, outcome, code, reason, details, request_id)
    values (${workspaceId}, ${now}::bigint, ${actor}, ${role}, ${operation}, ${subject}, ${outcome}, ${code}, ${reason},
            ${toJson(details)}, ${requestId})`;
}

/** Newest first. */
export async function listAudit(
  { sql, workspaceId }: Scope,
  { after, limit }: { after?: string; limit: number },
): Promise<Page<AuditEntry>> {
  const rows = await sql`
    select * from rouse.audit
    where workspace_id = ${workspaceId} ${after === undefined ? sql`` : sql`and audit_id < ${after}::bigint`}
    order by audit_id desc
    limit ${limit + 1}`;
  const page = pageOf([...rows], limit, (row) => String(row["audit_id"]));
  return { rows: page.rows.map(toEntry), next: page.next };
}

function toEntry(row: Row): AuditEntry {
  return {
    at: Number(row["at"]),
    actor: row["actor"],
    role: row["role"] as AuditEntry["role"],
    operation: row["operation"],
    subject: row["subject"],
    outcome: row["outcome"] as AuditEntry["outcome"],
    code: row["code"],
    reason: row["reason"],
    details: JSON.parse(row["details"]),
    requestId: row["request_id"],
  };
}
