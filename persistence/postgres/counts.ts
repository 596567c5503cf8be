import type { Store } from "../../runtime/store.ts";
import type { Scope } from "./scope.ts";

/** Messages are the sum of the threads' heads: seq has no gaps. */
export async function counts({ sql, workspaceId }: Scope): ReturnType<Store["counts"]> {
  const rows = await sql`
    select 'actors' as what, status as part, count(*) as n from rouse.actor
      where workspace_id = ${workspaceId} group by status
    union all
    select 'effects', status, count(*) from rouse.effect where workspace_id = ${workspaceId} group by status
    union all
    select 'mail', '', count(*) from rouse.mailbox where workspace_id = ${workspaceId}
    union all
    select 'timers', '', count(*) from rouse.timer where workspace_id = ${workspaceId}
    union all
    select 'deadLetters', '', count(*) from rouse.dead_letter where workspace_id = ${workspaceId}
    union all
    select 'messages', '', coalesce(sum(head_seq), 0) from rouse.thread where workspace_id = ${workspaceId}`;
  const of = (what: string) => rows.filter((row) => row["what"] === what);
  const byPart = (what: string) =>
    Object.fromEntries(of(what).map((row) => [row["part"] as string, Number(row["n"])]));
  const total = (what: string) => Number(of(what)[0]?.["n"] ?? 0);
  return {
    actors: byPart("actors"),
    effects: byPart("effects"),
    mail: total("mail"),
    timers: total("timers"),
    deadLetters: total("deadLetters"),
    messages: total("messages"),
  };
}
