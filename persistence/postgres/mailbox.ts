import type { Address } from "../../machines/mail.ts";
import type { ActorEvent, Cause, Mail, NewMail } from "../../runtime/store.ts";
import { column } from "./columns.ts";
import type { Row, Scope } from "./scope.ts";
import { shardOf } from "./shard.ts";

export type OutgoingMail = NewMail & { cause?: Cause | null };

export interface MailboxHead {
  address: Address;
  /** Of the oldest mail that was seen; none before it concerns the actor. */
  firstSeq: string;
}

/** Rows looked at per shard: bounds a claim's cost however much mail waits. What is behind comes with later claims. */
const windowRows = 256;

/**
 * Mail of these actors, each from its head on, in order of arrival, at most `perActor`. Their rows must be locked by an
 * earlier statement: only then is no mail here that another turn has already consumed.
 */
export async function readMail(
  { sql, workspaceId }: Scope,
  heads: readonly MailboxHead[],
  perActor: number,
): Promise<Map<Address, Mail[]>> {
  const mailboxes = new Map(heads.map(({ address }): [Address, Mail[]] => [address, []]));
  if (heads.length === 0) return mailboxes;
  const rows = await sql`
    with head as materialized (
      select * from unnest(
        ${column(
          sql,
          heads.map(({ address }) => address),
        )},
        ${column(
          sql,
          heads.map(({ address }) => shardOf(address)),
        )}::smallint[],
        ${column(
          sql,
          heads.map(({ firstSeq }) => firstSeq),
        )}::bigint[]
      ) as h(address, shard, first_seq)
    )
    select m.address, m.seq, m.sender, m.event, m.cause, m.sent_at
    from (select shard, min(first_seq) as first_seq from head group by shard) s
    cross join lateral (
      select * from rouse.mailbox
      where workspace_id = ${workspaceId} and shard = s.shard and seq >= s.first_seq
      order by seq
      limit ${windowRows}
    ) m
    where m.address in (select address from head)
    order by m.seq`;
  for (const row of rows) {
    const mailbox = mailboxes.get(row["address"] as Address);
    if (mailbox !== undefined && mailbox.length < perActor) mailbox.push(toMail(row));
  }
  return mailboxes;
}

/** All mail of an actor that an earlier statement has locked. */
export async function readAllMail({ sql, workspaceId }: Scope, address: Address): Promise<Mail[]> {
  const rows = await sql`
    select * from rouse.mailbox
    where workspace_id = ${workspaceId} and shard = ${shardOf(address)} and address = ${address}
    order by seq`;
  return rows.map(toMail);
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
    where m.workspace_id = ${workspaceId} and m.shard = x.shard and m.seq = x.seq`;
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
      left join rouse.actor a on a.workspace_id = ${workspaceId} and a.address = x.address
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
    join rouse.subscription s on s.workspace_id = ${workspaceId} and s.topic = x.topic
    order by x.place, s.address`;
}

function toMail(row: Row): Mail {
  return {
    id: row["seq"],
    from: row["sender"],
    event: JSON.parse(row["event"]),
    cause: row["cause"] === null ? null : JSON.parse(row["cause"]),
    sentAt: Number(row["sent_at"]),
  };
}
