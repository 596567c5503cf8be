import type { Address } from "../../machines/mail.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Page } from "../../runtime/domain.ts";
import type { ActorStatus, StoredActor, TurnCommit } from "../../runtime/store.ts";
import { column } from "./columns.ts";
import { inLockOrder } from "./lock-order.ts";
import { pageOf } from "../page.ts";
import type { Row, Scope } from "./scope.ts";
import { shardOf } from "../../runtime/shard.ts";

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
  unordered: readonly TurnCommit["actor"][],
): Promise<void> {
  if (unordered.length === 0) return;
  const creations = inLockOrder(unordered, ({ address }) => address);
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
  unordered: readonly { topic: string; address: Address }[],
): Promise<void> {
  if (unordered.length === 0) return;
  const subscriptions = inLockOrder(unordered, ({ topic, address }) => `${topic} ${address}`);
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

/** How many had the expected version, and which of them were quarantined and no longer are. */
export async function updateActors(
  { sql, workspaceId, now }: Scope,
  unordered: readonly { actor: TurnCommit["actor"]; expectedVersion: number }[],
): Promise<{ count: number; released: Address[] }> {
  if (unordered.length === 0) return { count: 0, released: [] };
  const updates = inLockOrder(unordered, ({ actor }) => actor.address);
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
    cross join lateral (
      select b.ctid, b.status from rouse.actor b
      where b.workspace_id = ${workspaceId} and b.address = x.address
      offset 0
    ) found
    where a.ctid = found.ctid and a.version = x.expected_version
    returning case when found.status = 'quarantined' and a.status <> 'quarantined' then a.address end as released`;
  const released = updated.flatMap((row) => (row["released"] === null ? [] : [row["released"] as Address]));
  return { count: updated.count, released };
}

export function toActor(row: Row): StoredActor {
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
