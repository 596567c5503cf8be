import type { Address } from "../../machines/mail.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Page } from "../../runtime/domain.ts";
import type { ActorStatus, StoredActor, TurnCommit } from "../../runtime/store.ts";
import { column } from "./columns.ts";
import { pageOf } from "../page.ts";
import type { Row, Scope } from "./scope.ts";
import { shardCount, shardOf } from "./shard.ts";

/** Mail looked at from the head of each shard: enough that several claimers find actors of their own. */
function headsPerShard(limit: number): number {
  return Math.max(4, Math.ceil((limit / shardCount) * 4));
}

/**
 * Locks actors with mail that nobody else holds, those that wait longest first. Mail of quarantined actors is passed
 * over while looking, or enough of it would hide everything behind it in its shard.
 */
export async function lockReadyActors(
  { sql, workspaceId }: Scope,
  limit: number,
): Promise<{ actor: StoredActor; firstSeq: string }[]> {
  const rows = await sql`
    select a.*, ready.first_seq
    from (
      select h.address, min(h.seq) as first_seq
      from generate_series(0, ${shardCount - 1}) as s(shard)
      cross join lateral (
        select m.address, m.seq
        from rouse.mailbox m
        where m.workspace_id = ${workspaceId} and m.shard = s.shard::smallint
          and not exists (
            select 1 from rouse.actor q
            where q.workspace_id = ${workspaceId} and q.address = m.address and q.status = 'quarantined'
          )
        order by m.seq
        limit ${headsPerShard(limit)}
      ) h
      group by h.address
    ) ready
    join rouse.actor a on a.workspace_id = ${workspaceId} and a.address = ready.address
    where a.status <> 'quarantined'
    order by ready.first_seq
    limit ${limit}
    for update of a skip locked`;
  return rows.map((row) => ({ actor: toActor(row), firstSeq: row["first_seq"] }));
}

export async function lockActor({ sql, workspaceId }: Scope, address: Address): Promise<StoredActor | null> {
  const [row] = await sql`
    select * from rouse.actor where workspace_id = ${workspaceId} and address = ${address} for update`;
  return row === undefined ? null : toActor(row);
}

export async function getActor({ sql, workspaceId }: Scope, address: Address): Promise<StoredActor | null> {
  const [row] =
    await sql`select * from rouse.actor where workspace_id = ${workspaceId} and address = ${address}`;
  return row === undefined ? null : toActor(row);
}

export async function listActorsBySubject(
  { sql, workspaceId }: Scope,
  { kind, subject }: { kind: string; subject: string },
): Promise<StoredActor[]> {
  const rows = await sql`
    select * from rouse.actor
    where workspace_id = ${workspaceId} and kind = ${kind} and subject = ${subject} and subject <> ''
    order by created_at desc, address desc`;
  return rows.map(toActor);
}

export async function listActors(
  { sql, workspaceId }: Scope,
  { kind, after = "", limit }: { kind: string; after?: string; limit: number },
): Promise<Page<StoredActor>> {
  const rows = await sql`
    select * from rouse.actor
    where workspace_id = ${workspaceId} and kind = ${kind} and address > ${after}
    order by address
    limit ${limit + 1}`;
  return pageOf(rows.map(toActor), limit, (actor) => actor.address);
}

/** Throws `already_exists`. */
export async function createActors(
  { sql, workspaceId, now }: Scope,
  creations: readonly TurnCommit["actor"][],
): Promise<void> {
  if (creations.length === 0) return;
  const created = await sql`
    insert into rouse.actor
      (workspace_id, address, kind, subject, version, status, machine_version, machine_hash, record,
       created_at, updated_at)
    select ${workspaceId}, x.address, x.kind, coalesce(x.subject, ''), x.version, x.status,
           x.machine_version, x.machine_hash, x.record, ${now}::bigint, ${now}::bigint
    from unnest(
      ${column(
        sql,
        creations.map((actor) => actor.address),
      )},
      ${column(
        sql,
        creations.map((actor) => actor.kind),
      )},
      ${column(
        sql,
        creations.map((actor) => actor.subject),
      )},
      ${column(
        sql,
        creations.map((actor) => actor.version),
      )}::bigint[],
      ${column(
        sql,
        creations.map((actor) => actor.status),
      )},
      ${column(
        sql,
        creations.map((actor) => actor.machineVersion),
      )},
      ${column(
        sql,
        creations.map((actor) => actor.machineHash),
      )},
      ${column(
        sql,
        creations.map((actor) => actor.record),
      )}
    ) as x(address, kind, subject, version, status, machine_version, machine_hash, record)
    on conflict do nothing`;
  if (created.count === creations.length) return;
  throw new RouseError(
    "already_exists",
    `An actor exists already: ${creations.map(({ address }) => address).join(", ")}.`,
  );
}

export async function subscribeActors(
  { sql, workspaceId }: Scope,
  subscriptions: readonly { topic: string; address: Address }[],
): Promise<void> {
  if (subscriptions.length === 0) return;
  await sql`
    insert into rouse.subscription (workspace_id, topic, address, shard)
    select ${workspaceId}, x.topic, x.address, x.shard
    from unnest(
      ${column(
        sql,
        subscriptions.map(({ topic }) => topic),
      )},
      ${column(
        sql,
        subscriptions.map(({ address }) => address),
      )},
      ${column(
        sql,
        subscriptions.map(({ address }) => shardOf(address)),
      )}::smallint[]
    ) as x(topic, address, shard)
    on conflict do nothing`;
}

/** Returns how many had the expected version. */
export async function updateActors(
  { sql, workspaceId, now }: Scope,
  updates: readonly { actor: TurnCommit["actor"]; expectedVersion: number }[],
): Promise<number> {
  if (updates.length === 0) return 0;
  const updated = await sql`
    update rouse.actor a
    set version = x.version, status = x.status, machine_version = x.machine_version,
        machine_hash = x.machine_hash, record = x.record,
        updated_at = greatest(a.updated_at, ${now}::bigint)
    from unnest(
      ${column(
        sql,
        updates.map(({ actor }) => actor.address),
      )},
      ${column(
        sql,
        updates.map(({ expectedVersion }) => expectedVersion),
      )}::bigint[],
      ${column(
        sql,
        updates.map(({ actor }) => actor.version),
      )}::bigint[],
      ${column(
        sql,
        updates.map(({ actor }) => actor.status),
      )},
      ${column(
        sql,
        updates.map(({ actor }) => actor.machineVersion),
      )},
      ${column(
        sql,
        updates.map(({ actor }) => actor.machineHash),
      )},
      ${column(
        sql,
        updates.map(({ actor }) => actor.record),
      )}
    ) as x(address, expected_version, version, status, machine_version, machine_hash, record)
    where a.workspace_id = ${workspaceId} and a.address = x.address and a.version = x.expected_version`;
  return updated.count;
}

function toActor(row: Row): StoredActor {
  return {
    address: row["address"] as Address,
    kind: row["kind"],
    subject: row["subject"],
    version: Number(row["version"]),
    status: row["status"] as ActorStatus,
    machineVersion: row["machine_version"],
    machineHash: row["machine_hash"],
    record: row["record"],
    updatedAt: Number(row["updated_at"]),
  };
}
