import type { Address } from "../../machines/mail.ts";
import type { ActorEvent, Cause, Mail, NewMail } from "../../runtime/store.ts";
import { column } from "./columns.ts";
import type { Row, Scope } from "./scope.ts";
import { shardOf } from "../../runtime/shard.ts";
import { heldShardOf } from "./held-shard.ts";

export type OutgoingMail = NewMail & { cause?: Cause | null };

/** All mail of an actor that an earlier statement has locked. */
export async function readAllMail({ sql, workspaceId }: Scope, address: Address): Promise<Mail[]> {
  const rows = await sql`
    select m.* from (values (${shardOf(address)}::smallint), (${heldShardOf(address)}::smallint)) as s(shard)
    cross join lateral (
      select * from rouse.mailbox b
      where b.workspace_id = ${workspaceId} and b.shard = s.shard and b.address = ${address}
      offset 0
    ) m
    order by m.seq`;
  return rows.map(toMail);
}

/** Mail that was held back while its actor was quarantined, at its old place among the others. */
export async function releaseMail({ sql, workspaceId }: Scope, addresses: readonly Address[]): Promise<void> {
  if (addresses.length === 0) return;
  await sql`
    update rouse.mailbox m set shard = x.shard
    from unnest(
      ${column(sql, addresses)},
      ${column(sql, addresses.map(shardOf))}::smallint[],
      ${column(sql, addresses.map(heldShardOf))}::smallint[]
    ) as x(address, shard, held_shard)
    cross join lateral (
      select b.ctid from rouse.mailbox b
      where b.workspace_id = ${workspaceId} and b.shard = x.held_shard and b.address = x.address
      offset 0
    ) found
    where m.ctid = found.ctid`;
}

/** Returns how many were there. */
export async function deleteMail(
  { sql, workspaceId }: Scope,
  consumed: readonly { address: Address; mail: Mail }[],
): Promise<number> {
  if (consumed.length === 0) return 0;
  const deleted = await sql`
    delete from rouse.mailbox m
    using unnest(
      ${column(
        sql,
        consumed.map(({ address }) => shardOf(address)),
      )}::smallint[],
      ${column(
        sql,
        consumed.map(({ mail }) => mail.id),
      )}::bigint[]
    ) as x(shard, seq)
    cross join lateral (
      select b.ctid from rouse.mailbox b
      where b.workspace_id = ${workspaceId} and b.shard = x.shard and b.seq = x.seq
      offset 0
    ) found
    where m.ctid = found.ctid`;
  return deleted.count;
}

/** Inserts in the order given; returns what has no addressee. */
export async function insertMail(
  { sql, workspaceId, now }: Scope,
  mail: readonly OutgoingMail[],
): Promise<OutgoingMail[]> {
  if (mail.length === 0) return [];
  const rows = await sql`
    with outgoing as (
      select x.*, a.address is not null as has_addressee
      from unnest(
        ${column(
          sql,
          mail.map(({ to }) => to),
        )},
        ${column(
          sql,
          mail.map(({ to }) => shardOf(to)),
        )}::smallint[],
        ${column(
          sql,
          mail.map(({ from }) => from),
        )},
        ${column(
          sql,
          mail.map(({ event }) => JSON.stringify(event)),
        )},
        ${column(
          sql,
          mail.map(({ cause }) => (cause ? JSON.stringify(cause) : null)),
        )}
      ) with ordinality as x(address, shard, sender, event, cause, place)
      left join lateral (
        select a.address from rouse.actor a where a.workspace_id = ${workspaceId} and a.address = x.address offset 0
      ) a on true
    ), inserted as (
      insert into rouse.mailbox (workspace_id, shard, address, sender, event, cause, sent_at)
      select ${workspaceId}, shard, address, coalesce(sender, ''), event, cause, ${now}::bigint
      from outgoing where has_addressee order by place
    )
    select place from outgoing where not has_addressee order by place`;
  return rows.flatMap((row) => mail[Number(row["place"]) - 1] ?? []);
}

/** One mail for every subscriber of each topic. */
export async function publishMail(
  { sql, workspaceId, now }: Scope,
  published: readonly { topic: string; from: string; event: ActorEvent }[],
): Promise<void> {
  if (published.length === 0) return;
  await sql`
    insert into rouse.mailbox (workspace_id, shard, address, sender, event, sent_at)
    select ${workspaceId}, s.shard, s.address, coalesce(x.sender, ''), x.event, ${now}::bigint
    from unnest(
      ${column(
        sql,
        published.map(({ topic }) => topic),
      )},
      ${column(
        sql,
        published.map(({ from }) => from),
      )},
      ${column(
        sql,
        published.map(({ event }) => JSON.stringify(event)),
      )}
    ) with ordinality as x(topic, sender, event, place)
    cross join lateral (
      select s.shard, s.address from rouse.subscription s
      where s.workspace_id = ${workspaceId} and s.topic = x.topic
      offset 0
    ) s
    order by x.place, s.address`;
}

export function toMail(row: Row): Mail {
  return {
    id: row["seq"],
    from: row["sender"],
    event: JSON.parse(row["event"]),
    cause: row["cause"] === null ? null : JSON.parse(row["cause"]),
    sentAt: Number(row["sent_at"]),
  };
}
