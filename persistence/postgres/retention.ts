import type { Database, Sql } from "./connect.ts";
import { asRouseError } from "./refusal.ts";

/** What grows for ever unless it is told not to, and how old it may get. The audit is never in it: it only ever grows. */
export const retainedKinds = [
  "closedThreadMessages",
  "journal",
  "endedEffects",
  "settledDeadLetters",
  "receipts",
  "escalations",
  "idempotencyKeys",
] as const;
export type RetainedKind = (typeof retainedKinds)[number];

export interface PruneRequest {
  workspaceId: string;
  kind: RetainedKind;
  /** By the database's clock, in ms. */
  keepMs: number;
  /** Rows per call. */
  limit: number;
}

/** One lock for each kind of work in a workspace; the first number only has to be ours. */
const lockClass = 7_266_874;
const deadlineMs = 10_000;

/**
 * Deletes one small batch of what is too old; returns how many rows went. Short transactions: nobody waits for long. Null
 * while another node is at it.
 */
export async function prune(database: Database, request: PruneRequest): Promise<number | null> {
  try {
    return await database.transaction(
      async (sql) => {
        const key = `${request.workspaceId} ${request.kind}`;
        const [lock] = await sql`select pg_try_advisory_xact_lock(${lockClass}, hashtext(${key})) as is_ours`;
        if (lock?.["is_ours"] !== true) return null;
        return batches[request.kind](sql, request);
      },
      { deadlineMs },
    );
  } catch (error) {
    throw asRouseError(error);
  }
}

type Batch = (sql: Sql, request: PruneRequest) => Promise<number>;

const batches: Readonly<Record<RetainedKind, Batch>> = {
  closedThreadMessages: pruneMessages,
  async journal(sql, { workspaceId, keepMs, limit }) {
    const { count } = await sql`
      delete from rouse.journal j using (
        select journal_id, at from rouse.journal where workspace_id = ${workspaceId} order by journal_id limit ${limit}
      ) oldest
      where j.workspace_id = ${workspaceId} and j.journal_id = oldest.journal_id and oldest.at < ${before(sql, keepMs)}`;
    return count;
  },
  async endedEffects(sql, { workspaceId, keepMs, limit }) {
    const [row] = await sql`
      with ended as (
        select address, incarnation from rouse.effect
        where workspace_id = ${workspaceId} and requested_at < ${before(sql, keepMs)}
          and finished_at < ${before(sql, keepMs)} and status in ('done', 'failed', 'cancelled')
          and lease_expires_at is null
        limit ${limit}
      ), attempts as (
        delete from rouse.effect_attempt t using ended e
        where t.workspace_id = ${workspaceId} and t.address = e.address and t.incarnation = e.incarnation
      ), gone as (
        delete from rouse.effect f using ended e
        where f.workspace_id = ${workspaceId} and f.address = e.address and f.incarnation = e.incarnation
        returning 1
      )
      select count(*) as n from gone`;
    return Number(row?.["n"]);
  },
  async settledDeadLetters(sql, { workspaceId, keepMs, limit }) {
    const { count } = await sql`
      delete from rouse.dead_letter where workspace_id = ${workspaceId} and dead_letter_id in (
        select dead_letter_id from rouse.dead_letter
        where workspace_id = ${workspaceId} and status <> 'open' and decided_at < ${before(sql, keepMs)}
        order by dead_letter_id limit ${limit})`;
    return count;
  },
  async receipts(sql, { workspaceId, keepMs, limit }) {
    const { count } = await sql`
      delete from rouse.wake where workspace_id = ${workspaceId} and wake_id in (
        select wake_id from rouse.wake
        where workspace_id = ${workspaceId} and opened_at < ${before(sql, keepMs)} and closed_at < ${before(sql, keepMs)}
        order by opened_at limit ${limit})`;
    return count;
  },
  async escalations(sql, { workspaceId, keepMs, limit }) {
    const { count } = await sql`
      delete from rouse.escalation where workspace_id = ${workspaceId} and escalation_id in (
        select escalation_id from rouse.escalation
        where workspace_id = ${workspaceId} and raised_at < ${before(sql, keepMs)}
        order by escalation_id limit ${limit})`;
    return count;
  },
  async idempotencyKeys(sql, { workspaceId, keepMs, limit }) {
    const { count } = await sql`
      delete from rouse.idempotency i using (
        select caller, key from rouse.idempotency
        where workspace_id = ${workspaceId} and created_at < ${before(sql, keepMs)} limit ${limit}
      ) old
      where i.workspace_id = ${workspaceId} and i.caller = old.caller and i.key = old.key`;
    return count;
  },
};

/** From the beginning of one thread, and its mark with them: no reader ever sees a hole. A closed thread gets no more. */
async function pruneMessages(sql: Sql, { workspaceId, keepMs, limit }: PruneRequest): Promise<number> {
  const [thread] = await sql`
    select thread_id, first_seq from rouse.thread
    where workspace_id = ${workspaceId} and status = 'closed' and updated_at < ${before(sql, keepMs)}
      and first_seq <= head_seq
    limit 1
    for update skip locked`;
  if (thread === undefined) return 0;
  const threadId = String(thread["thread_id"]);
  const upTo = Number(thread["first_seq"]) + limit;
  const { count } = await sql`
    delete from rouse.message where workspace_id = ${workspaceId} and thread_id = ${threadId} and seq < ${upTo}`;
  await sql`
    update rouse.thread set first_seq = least(${upTo}::bigint, head_seq + 1)
    where workspace_id = ${workspaceId} and thread_id = ${threadId}`;
  return count;
}

function before(sql: Sql, keepMs: number) {
  return sql`(floor(extract(epoch from now()) * 1000)::bigint - ${keepMs}::bigint)`;
}
