import type { AuditHead, AuditLink, Page, StrayAudit } from "../../runtime/domain.ts";
import { chainStart, sealEntries, type ChainPoint } from "../../runtime/audit-chain.ts";
import { countedUpTo } from "../../runtime/store.ts";
import { sealColumns, toEntry } from "./audit.ts";
import { column, numberOrNull } from "./columns.ts";
import type { Scope } from "./scope.ts";

/** Sealing writes what `runtime/audit-chain.ts` computes; reading the chain judges nothing. */

/** Cheap enough to be asked all the time. */
export async function isAuditWaiting({ sql, workspaceId }: Scope): Promise<boolean> {
  const [row] = await sql`
    select exists (select 1 from rouse.audit_unsealed where workspace_id = ${workspaceId}) as waits`;
  return row?.["waits"] === true;
}

/** In a transaction: all of it is there, or none. Rows that commit meanwhile belong to the next batch. */
export async function sealAudit(
  scope: Scope,
  { limit, sweep = false }: { limit: number; sweep?: boolean },
): Promise<number> {
  const head = await lockHead(scope);
  if (head === null) return 0;
  if (sweep) await queueRowsBeforeChain(scope, limit);
  const { sql, workspaceId } = scope;
  const rows = await sql`
    select a.*, null as seal_seq
    from rouse.audit_unsealed u
    join rouse.audit a on a.workspace_id = u.workspace_id and a.audit_id = u.audit_id
    where u.workspace_id = ${workspaceId}
    order by u.audit_id
    limit ${limit}`;
  if (rows.length === 0) return 0;
  const entries = rows.map((row) => toEntry(row, workspaceId));
  const seals = sealEntries(head, entries, head.now);
  const ids = column(
    sql,
    entries.map(({ auditId }) => auditId),
  );
  const hashes = column(
    sql,
    seals.map(({ hash }) => hash),
  );
  await sql`
    with sealed as (
      insert into rouse.audit_seal (workspace_id, seq, audit_id, hash, sealed_at)
      select ${workspaceId}, ${head.seq}::bigint + x.place, x.audit_id, x.hash, ${head.now}::bigint
      from unnest(${ids}::bigint[], ${hashes}) with ordinality as x(audit_id, hash, place)
      returning audit_id
    )
    delete from rouse.audit_unsealed u
    using sealed
    where u.workspace_id = ${workspaceId} and u.audit_id = sealed.audit_id`;
  const last = seals.at(-1) ?? head;
  await sql`
    update rouse.audit_head set seq = ${last.seq}, hash = ${last.hash}, sealed_at = ${head.now}::bigint
    where workspace_id = ${workspaceId}`;
  return rows.length;
}

/** Null while another sealer has it. */
async function lockHead({ sql, workspaceId, now }: Scope): Promise<(ChainPoint & { now: number }) | null> {
  const start = chainStart(workspaceId);
  await sql`
    insert into rouse.audit_head (workspace_id, seq, hash) values (${workspaceId}, ${start.seq}, ${start.hash})
    on conflict (workspace_id) do nothing`;
  const [row] = await sql`
    select seq, hash, ${now}::bigint as now from rouse.audit_head
    where workspace_id = ${workspaceId} for update skip locked`;
  return row === undefined ? null : { seq: Number(row["seq"]), hash: row["hash"], now: Number(row["now"]) };
}

/** Rows of the release before this one, also of its nodes that still run during an upgrade. */
async function queueRowsBeforeChain({ sql, workspaceId }: Scope, limit: number): Promise<void> {
  await sql`
    insert into rouse.audit_unsealed (workspace_id, audit_id)
    select a.workspace_id, a.audit_id
    from rouse.audit a
    where a.workspace_id = ${workspaceId} and a.changes is null
      and not exists (select 1 from rouse.audit_seal s where s.workspace_id = a.workspace_id and s.audit_id = a.audit_id)
    order by a.audit_id
    limit ${limit}
    on conflict (workspace_id, audit_id) do nothing`;
}

export async function getAuditHead({ sql, workspaceId }: Scope): Promise<AuditHead> {
  const [row] = await sql`
    select h.seq, h.hash, h.sealed_at, w.waiting, w.oldest_at
    from (
      select count(*) as waiting, min(a.at) as oldest_at
      from (select audit_id from rouse.audit_unsealed where workspace_id = ${workspaceId} limit ${countedUpTo}) u
      left join rouse.audit a on a.workspace_id = ${workspaceId} and a.audit_id = u.audit_id
    ) w
    left join rouse.audit_head h on h.workspace_id = ${workspaceId}`;
  const start = chainStart(workspaceId);
  return {
    seq: Number(row?.["seq"] ?? start.seq),
    hash: row?.["hash"] ?? start.hash,
    sealedAt: numberOrNull(row?.["sealed_at"]),
    unsealed: Number(row?.["waiting"] ?? 0),
    oldestUnsealedAt: numberOrNull(row?.["oldest_at"]),
  };
}

export async function listAuditLinks(
  scope: Scope,
  { afterSeq, limit }: { afterSeq: number; limit: number },
): Promise<AuditLink[]> {
  const { sql, workspaceId } = scope;
  const rows = await sql`
    select a.*, a.audit_id as entry_id, s.audit_id as sealed_id, ${sealColumns(scope)}
    from rouse.audit_seal s
    left join rouse.audit a on a.workspace_id = s.workspace_id and a.audit_id = s.audit_id
    where s.workspace_id = ${workspaceId} and s.seq > ${afterSeq}
    order by s.seq
    limit ${limit}`;
  return rows.map((row) => ({
    seq: Number(row["seal_seq"]),
    auditId: row["sealed_id"],
    hash: row["seal_hash"],
    sealedAt: Number(row["sealed_at"]),
    entry: row["entry_id"] === null ? null : toEntry(row, workspaceId),
  }));
}

/** Rows of a release before the chain may still wait for a sweep: they are no strangers. */
export async function listStrayAudit(
  { sql, workspaceId }: Scope,
  { after, scan }: { after?: string; scan: number },
): Promise<Page<StrayAudit>> {
  const rows = await sql`
    select a.audit_id, a.changes is not null and s.audit_id is null and u.audit_id is null as is_stray
    from (
      select workspace_id, audit_id, changes from rouse.audit
      where workspace_id = ${workspaceId} ${after === undefined ? sql`` : sql`and audit_id > ${after}::bigint`}
      order by audit_id
      limit ${scan}
    ) a
    left join rouse.audit_seal s on s.workspace_id = a.workspace_id and s.audit_id = a.audit_id
    left join rouse.audit_unsealed u on u.workspace_id = a.workspace_id and u.audit_id = a.audit_id
    order by a.audit_id`;
  const strays: StrayAudit[] = rows
    .filter((row) => row["is_stray"] === true)
    .map((row) => ({ auditId: row["audit_id"], is: "unannounced" }));
  const last = rows.at(-1);
  if (rows.length === scan && last !== undefined) return { rows: strays, next: last["audit_id"] };
  const gone = await sql`
    select u.audit_id from rouse.audit_unsealed u
    where u.workspace_id = ${workspaceId}
      and not exists (select 1 from rouse.audit a where a.workspace_id = u.workspace_id and a.audit_id = u.audit_id)
    order by u.audit_id
    limit ${scan}`;
  return {
    rows: [...strays, ...gone.map((row): StrayAudit => ({ auditId: row["audit_id"], is: "gone" }))],
    next: null,
  };
}
