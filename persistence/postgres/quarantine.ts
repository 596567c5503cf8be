import type { Page } from "../../runtime/domain.ts";
import { countedUpTo, type QuarantinedActor } from "../../runtime/store.ts";
import { pageOf } from "../page.ts";
import { toActor } from "./actors.ts";
import type { Scope } from "./scope.ts";
import { shardOf } from "../../runtime/shard.ts";
import { heldShardOf } from "./held-shard.ts";

export async function listQuarantined(
  { sql, workspaceId }: Scope,
  { after = "", limit }: { after?: string; limit: number },
): Promise<Page<QuarantinedActor>> {
  const rows = await sql`
    select * from rouse.actor
    where workspace_id = ${workspaceId} and status = 'quarantined' and address > ${after}
    order by address
    limit ${limit + 1}`;
  const { rows: actors, next } = pageOf(rows.map(toActor), limit, ({ address }) => address);
  const waiting = await Promise.all(
    actors.map(async (actor) => {
      const [row] = await sql`
        select count(*) as n from (
          select 1
          from (values (${shardOf(actor.address)}::smallint), (${heldShardOf(actor.address)}::smallint)) as s(shard)
          cross join lateral (
            select 1 from rouse.mailbox m
            where m.workspace_id = ${workspaceId} and m.shard = s.shard and m.address = ${actor.address}
            offset 0
          ) found
          limit ${countedUpTo}
        ) waiting`;
      return { actor, mail: Number(row?.["n"]) };
    }),
  );
  return { rows: waiting, next };
}
