import type { NotedWake } from "../../adapters/agents/scripted/wake-log.ts";
import type { Database } from "../../persistence/postgres/connect.ts";

/** Invariant 9, told by the agents themselves: a wake's line reached them at most once for each attempt to bring it. */
export async function findDoubledLines(
  { sql }: Pick<Database, "sql">,
  noted: readonly NotedWake[],
): Promise<string[]> {
  const rows = await sql<{ correlation: string; brought: string }[]>`
    select e.correlation, count(*) as brought
    from rouse.effect e
    where e.correlation is not null and (
      e.port <> 'deliverWake' or exists (
        select 1 from rouse.effect_attempt a
        where a.workspace_id = e.workspace_id and a.address = e.address and a.incarnation = e.incarnation
          and a.started_at is not null))
    group by e.correlation`;
  const brought = new Map(rows.map((row) => [row.correlation, Number(row.brought)]));
  const given = new Map<string, number>();
  for (const { wakeId } of noted) given.set(wakeId, (given.get(wakeId) ?? 0) + 1);
  return [...given].flatMap(([wakeId, times]) => {
    const allowed = brought.get(wakeId) ?? 0;
    return times <= allowed ? [] : [`line: ${wakeId} was given ${times} times, brought ${allowed} times`];
  });
}
