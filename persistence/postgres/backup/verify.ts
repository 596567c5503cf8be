import type postgres from "postgres";
import { chainStart, checkLinks } from "../../../runtime/audit-chain.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { listAuditLinks } from "../audit-chain.ts";

const linksAtOnce = 2_000;

/** Throws `invalid_input` when rows do not fit together; an audit chain that was broken before is told, not refused. */
export async function requireSound(
  sql: postgres.TransactionSql,
  workspaceId: string,
): Promise<{ audit_checked: number; audit_problems: string[] }> {
  const [thread] = await sql`
    select t.thread_id from rouse.thread t
    left join (
      select thread_id, count(*) as n, min(seq) as first_seq, max(seq) as last_seq
      from rouse.message where workspace_id = ${workspaceId} group by thread_id
    ) m using (thread_id)
    where t.workspace_id = ${workspaceId} and (
      coalesce(m.n, 0) <> greatest(0, t.head_seq - t.first_seq + 1)
      or (m.n > 0 and (m.first_seq <> t.first_seq or m.last_seq <> t.head_seq)))
    limit 1`;
  if (thread !== undefined) throw unsound(`the messages of thread ${String(thread["thread_id"])} have a gap`);
  const [actor] = await sql`
    select a.address from rouse.actor a
    join (
      select address, count(*) as n, min(seq) as first_seq, max(seq) as last_seq
      from rouse.journal where workspace_id = ${workspaceId} group by address
    ) j using (address)
    where a.workspace_id = ${workspaceId} and (j.last_seq - j.first_seq + 1 <> j.n or j.last_seq <> a.version)
    limit 1`;
  if (actor !== undefined) throw unsound(`the journal of ${String(actor["address"])} has a gap`);
  return checkAudit(sql, workspaceId);
}

async function checkAudit(sql: postgres.TransactionSql, workspaceId: string) {
  const scope = { sql, workspaceId, now: 0 };
  const problems: string[] = [];
  let place = chainStart(workspaceId);
  let checked = 0;
  for (;;) {
    const links = await listAuditLinks(scope, { afterSeq: place.seq, limit: linksAtOnce });
    if (links.length === 0) break;
    const { end, problems: found } = checkLinks(place, links);
    problems.push(...found.map(({ message }) => message));
    place = end;
    checked += links.length;
  }
  const [head] = await sql`select seq, hash from rouse.audit_head where workspace_id = ${workspaceId}`;
  if (head !== undefined && (Number(head["seq"]) !== place.seq || head["hash"] !== place.hash))
    problems.push("the chain does not end where its head says");
  return { audit_checked: checked, audit_problems: problems };
}

function unsound(what: string): RouseError {
  return new RouseError("invalid_input", `the backup is not sound: ${what}`, {
    nextStep: "Restore an earlier backup; nothing was changed.",
  });
}
