import { countedUpTo, type Store } from "../../runtime/store.ts";
import type { Scope } from "./scope.ts";

/**
 * Messages are the sum of the threads' heads: seq has no gaps. Effects that are pending, running or unwell have indexes of
 * their own; the others only grow in number, so of them no more than so many are looked at.
 */
export async function counts({ sql, workspaceId }: Scope): ReturnType<Store["counts"]> {
  const rows = await sql`
    select 'actors' as what, status as part, count(*) as n from rouse.actor
      where workspace_id = ${workspaceId} group by status
    union all
    select 'effects', 'pending', count(*) from rouse.effect where workspace_id = ${workspaceId} and status = 'pending'
    union all
    select 'effects', 'running', count(*) from rouse.effect where workspace_id = ${workspaceId} and status = 'running'
    union all
    select 'effects', status, count(*) from rouse.effect
      where workspace_id = ${workspaceId} and status in ('failed', 'uncertain') group by status
    union all
    select 'effects', status, count(*) from (
      select status from rouse.effect
      where workspace_id = ${workspaceId} and status in ('done', 'cancelled') limit ${countedUpTo}
    ) ended group by status
    union all
    select 'mail', q.status, count(*) from rouse.mailbox m
      left join rouse.actor q
        on q.workspace_id = ${workspaceId} and q.address = m.address and q.status = 'quarantined'
      where m.workspace_id = ${workspaceId} group by q.status
    union all
    select 'oldestMailAt', '', min(m.sent_at) from rouse.mailbox m
      where m.workspace_id = ${workspaceId} and not exists (
        select 1 from rouse.actor q
        where q.workspace_id = ${workspaceId} and q.address = m.address and q.status = 'quarantined')
    union all
    select 'timers', '', count(*) from rouse.timer where workspace_id = ${workspaceId}
    union all
    select 'deadLetters', '', count(*) from rouse.dead_letter where workspace_id = ${workspaceId} and status = 'open'
    union all
    select 'messages', '', coalesce(sum(head_seq), 0) from rouse.thread where workspace_id = ${workspaceId}
    union all
    select 'threads', status, count(*) from rouse.thread where workspace_id = ${workspaceId} group by status`;
  const of = (what: string) =>
    rows.flatMap((row) =>
      row["what"] === what ? [{ part: row["part"] as string | null, n: Number(row["n"]) }] : [],
    );
  const byPart = (what: string) =>
    Object.fromEntries(of(what).flatMap(({ part, n }) => (n === 0 ? [] : [[part ?? "", n]])));
  const total = (what: string, part = "") => of(what).find((each) => (each.part ?? "") === part)?.n ?? 0;
  return {
    actors: byPart("actors"),
    effects: byPart("effects"),
    mail: total("mail"),
    quarantinedMail: total("mail", "quarantined"),
    timers: total("timers"),
    deadLetters: total("deadLetters"),
    messages: total("messages"),
    threads: byPart("threads"),
    oldestMailAt: total("oldestMailAt") === 0 ? null : total("oldestMailAt"),
  };
}
