import { countedUpTo } from "../../runtime/store.ts";
import type { Database, Sql } from "./connect.ts";
import { numberOrNull } from "./columns.ts";
import { asRouseError } from "./refusal.ts";
import type { Row } from "./scope.ts";
import { shardCount } from "../../runtime/shard.ts";

/** What stands in the tables now, for whoever watches them. Counts stop at `countedUpTo`; ages in ms, null where there is none. */
export interface Gauges {
  readyMail: { count: number; ageMs: number | null };
  /** Actors that were set aside. */
  quarantined: number;
  /** Those that may run now. */
  pendingEffects: { count: number; ageMs: number | null };
  runningEffects: number;
  deadLetters: { count: number; ageMs: number | null };
  timers: { count: number; overdueMs: number | null };
  /** Of the newest `countedUpTo` threads. */
  threads: Record<string, number>;
  nodes: { live: number; silent: number };
  /** Of this database, also of other programs, as far as our role may see them; `xminAge` in transactions, of the whole server. */
  transactions: { oldestMs: number | null; oldestIdleMs: number | null; xminAge: number | null };
}

const deadlineMs = 2_000;
/** Heads of a mailbox looked at per shard: what waits for quarantined actors stays at the front. */
const headsPerShard = 200;

export async function readGauges(
  database: Database,
  { workspaceId, nodeLostMs }: { workspaceId: string; nodeLostMs: number },
): Promise<Gauges> {
  try {
    return await database.transaction(
      async (sql) => {
        const [row] = await select(sql, workspaceId, nodeLostMs);
        return toGauges(row ?? {});
      },
      { deadlineMs, plansByIndex: true },
    );
  } catch (error) {
    throw asRouseError(error);
  }
}

function select(sql: Sql, workspaceId: string, nodeLostMs: number): Promise<Row[]> {
  return sql`
    with clock as (select (extract(epoch from clock_timestamp()) * 1000)::bigint as now),
    mail as (
      select m.sent_at
      from generate_series(0, ${shardCount - 1}) as s(shard)
      cross join lateral (
        select address, sent_at from rouse.mailbox
        where workspace_id = ${workspaceId} and shard = s.shard::smallint
        order by seq limit ${headsPerShard}
      ) m
      where not exists (
        select 1 from rouse.actor q
        where q.workspace_id = ${workspaceId} and q.address = m.address and q.status = 'quarantined'
      )
      limit ${countedUpTo}
    ),
    pending as (
      select run_at from rouse.effect cross join clock
      where workspace_id = ${workspaceId} and status = 'pending' and run_at <= clock.now limit ${countedUpTo}
    ),
    letters as (
      select at from rouse.dead_letter where workspace_id = ${workspaceId} and status = 'open'
      order by dead_letter_id limit ${countedUpTo}
    ),
    activity as (
      select xact_start, state from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
    )
    select clock.now,
      (select count(*) from mail) as mail, (select min(sent_at) from mail) as mail_since,
      (select count(*) from (
        select 1 from rouse.actor where workspace_id = ${workspaceId} and status = 'quarantined' limit ${countedUpTo}
      ) q) as quarantined,
      (select count(*) from pending) as pending, (select min(run_at) from pending) as pending_since,
      (select count(*) from (
        select 1 from rouse.effect where workspace_id = ${workspaceId} and status = 'running' limit ${countedUpTo}
      ) r) as running,
      (select count(*) from letters) as letters, (select min(at) from letters) as letters_since,
      (select count(*) from (
        select 1 from rouse.timer where workspace_id = ${workspaceId} limit ${countedUpTo}
      ) t) as timers,
      (select due_at from rouse.timer where workspace_id = ${workspaceId} order by due_at limit 1) as due_since,
      (select coalesce(json_object_agg(status, n), '{}') from (
        select status, count(*) as n from (
          select status from rouse.thread where workspace_id = ${workspaceId}
          order by created_at desc, thread_id desc limit ${countedUpTo}
        ) newest group by status
      ) by_status) as threads,
      (select count(*) from rouse.node n
        where n.workspace_id = ${workspaceId} and n.beat_at > clock.now - ${nodeLostMs}::bigint) as live,
      (select count(*) from rouse.node n
        where n.workspace_id = ${workspaceId} and n.beat_at <= clock.now - ${nodeLostMs}::bigint) as silent,
      (select extract(epoch from clock_timestamp() - min(xact_start)) * 1000 from activity) as oldest_ms,
      (select extract(epoch from clock_timestamp() - min(xact_start)) * 1000 from activity
        where state like 'idle in transaction%') as oldest_idle_ms,
      (select max(age(backend_xmin)) from pg_stat_activity where pid <> pg_backend_pid()) as xmin_age
    from clock`;
}

function toGauges(row: Record<string, unknown>): Gauges {
  const now = Number(row["now"]);
  const count = (name: string): number => Number(row[name]);
  const age = (name: string): number | null => {
    const since = numberOrNull(row[name]);
    return since === null ? null : Math.max(0, now - since);
  };
  return {
    readyMail: { count: count("mail"), ageMs: age("mail_since") },
    quarantined: count("quarantined"),
    pendingEffects: { count: count("pending"), ageMs: age("pending_since") },
    runningEffects: count("running"),
    deadLetters: { count: count("letters"), ageMs: age("letters_since") },
    timers: { count: count("timers"), overdueMs: age("due_since") },
    threads: row["threads"] as Record<string, number>,
    nodes: { live: count("live"), silent: count("silent") },
    transactions: {
      oldestMs: numberOrNull(row["oldest_ms"]),
      oldestIdleMs: numberOrNull(row["oldest_idle_ms"]),
      xminAge: numberOrNull(row["xmin_age"]),
    },
  };
}
