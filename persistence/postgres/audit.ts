import type {
  AuditChange,
  AuditEntry,
  AuditFilter,
  AuditQuery,
  AuditSeal,
  NewAuditEntry,
  Page,
} from "../../runtime/domain.ts";
import { chainStart } from "../../runtime/audit-chain.ts";
import { isAuditId } from "../audit-id.ts";
import { pageOf } from "../page.ts";
import { jsonOfRows, toJson } from "./columns.ts";
import type { Fragment, Row, Scope } from "./scope.ts";

/**
 * Rows are only ever added, in the order given. One statement, so that rows and their places in the sealer's queue cost one
 * round trip; and nobody waits for it: the COMMIT follows in the same flight, and fails where this failed.
 */
export function appendAudit({ sql, workspaceId, now }: Scope, entries: readonly NewAuditEntry[]): void {
  const rows = entries.map(({ requestId, details, changes, ...entry }) => ({
    ...entry,
    details: toJson(details),
    changes: toJson(changes),
    request_id: requestId,
  }));
  const added = sql`
    with added as (
      insert into rouse.audit
        (workspace_id, at, actor, role, operation, subject, outcome, code, reason, details, changes, request_id)
      select ${workspaceId}, ${now}::bigint, x.*
      from json_to_recordset((${jsonOfRows(rows)}::text)::json) as x(
        actor text, role text, operation text, subject text, outcome text, code text, reason text, details text,
        changes text, request_id text
      )
      returning workspace_id, audit_id
    )
    insert into rouse.audit_unsealed (workspace_id, audit_id) select workspace_id, audit_id from added`;
  added.execute().catch(() => undefined);
}

export async function listAudit(scope: Scope, query: AuditQuery): Promise<Page<AuditEntry>> {
  const { sql, workspaceId } = scope;
  const { order = "newest", after, limit } = query;
  const inChain = order === "chain";
  const place = inChain ? sql`s.seq` : sql`a.audit_id`;
  const rows = await sql`
    select a.*, ${sealColumns(scope)}
    from rouse.audit a
    ${inChain ? sql`join` : sql`left join`} rouse.audit_seal s
      on s.workspace_id = a.workspace_id and s.audit_id = a.audit_id
    where a.workspace_id = ${workspaceId} ${inChain ? sql`and s.workspace_id = ${workspaceId}` : sql``}
      ${after === undefined ? sql`` : inChain ? sql`and s.seq > ${after}::bigint` : sql`and a.audit_id < ${after}::bigint`}
      ${filtered(scope, query)}
    order by ${place} ${inChain ? sql`asc` : sql`desc`}
    limit ${limit + 1}`;
  const page = pageOf([...rows], limit, (row) => String(row[inChain ? "seal_seq" : "audit_id"]));
  return { rows: page.rows.map((row) => toEntry(row, workspaceId)), next: page.next };
}

export async function getAudit(scope: Scope, auditId: string): Promise<AuditEntry | null> {
  if (!isAuditId(auditId)) return null;
  const { sql, workspaceId } = scope;
  const [row] = await sql`
    select a.*, ${sealColumns(scope)}
    from rouse.audit a
    left join rouse.audit_seal s on s.workspace_id = a.workspace_id and s.audit_id = a.audit_id
    where a.workspace_id = ${workspaceId} and a.audit_id = ${auditId}::bigint`;
  return row === undefined ? null : toEntry(row, workspaceId);
}

/** Of a row `s` of the seals; the hash before comes by its key. */
export function sealColumns({ sql }: Scope): Fragment {
  return sql`
    s.seq as seal_seq, s.hash as seal_hash, s.sealed_at,
    (select p.hash from rouse.audit_seal p where p.workspace_id = s.workspace_id and p.seq = s.seq - 1) as previous_hash`;
}

const columns = {
  actor: "actor",
  operation: "operation",
  subject: "subject",
  outcome: "outcome",
  code: "code",
  requestId: "request_id",
} as const satisfies Partial<Record<keyof AuditFilter, string>>;

function filtered({ sql }: Scope, filter: AuditFilter): Fragment {
  let conditions = sql``;
  for (const [field, column] of Object.entries(columns)) {
    const wanted = filter[field as keyof typeof columns];
    if (wanted !== undefined) conditions = sql`${conditions} and a.${sql(column)} = ${wanted}`;
  }
  if (filter.code !== undefined) conditions = sql`${conditions} and a.outcome = 'refused'`;
  if (filter.since !== undefined) conditions = sql`${conditions} and a.at >= ${filter.since}::bigint`;
  if (filter.until !== undefined) conditions = sql`${conditions} and a.at < ${filter.until}::bigint`;
  return conditions;
}

export function toEntry(row: Row, workspaceId: string): AuditEntry {
  return {
    auditId: row["audit_id"],
    at: Number(row["at"]),
    actor: row["actor"],
    role: row["role"] as AuditEntry["role"],
    operation: row["operation"],
    subject: row["subject"],
    outcome: row["outcome"] as AuditEntry["outcome"],
    code: row["code"],
    reason: row["reason"],
    details: asJson(row["details"]),
    changes: row["changes"] === null ? [] : (asJson(row["changes"]) as AuditChange[]),
    requestId: row["request_id"],
    seal: sealOf(row, workspaceId),
  };
}

function sealOf(row: Row, workspaceId: string): AuditSeal | null {
  const seq = row["seal_seq"] === null ? null : Number(row["seal_seq"]);
  if (seq === null) return null;
  const previousHash = seq === 1 ? chainStart(workspaceId).hash : String(row["previous_hash"]);
  return { seq, previousHash, hash: row["seal_hash"], sealedAt: Number(row["sealed_at"]) };
}

/** Somebody may have written anything there: whoever checks the chain must come past it. */
function asJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
