import type { ThreadStatus } from "../../machines/participant/contract.ts";
import type { EngineRecords } from "../../machines/records.ts";
import type { Page, Thread } from "../../runtime/domain.ts";
import { alreadyExists } from "../missing.ts";
import { column } from "./columns.ts";
import { inFlight } from "./flight.ts";
import { inLockOrder } from "./lock-order.ts";
import { pageOf } from "../page.ts";
import { storable } from "../storable.ts";
import type { Row, Scope } from "./scope.ts";

export async function insertThread(
  { sql, workspaceId, now }: Scope,
  thread: Omit<Thread, "firstSeq" | "headSeq" | "createdAt" | "updatedAt">,
): Promise<void> {
  const { threadId, title, type, createdBy, status, statusReason, statusBy } = thread;
  const inserted = await sql`
    insert into rouse.thread
      (workspace_id, thread_id, title, type, created_by, created_at, status, status_reason, status_by, updated_at)
    values (${workspaceId}, ${threadId}, ${title}, ${type}, ${createdBy}, ${now}::bigint, ${status}, ${statusReason},
            ${statusBy}, ${now}::bigint)
    on conflict do nothing`;
  if (inserted.count === 0) throw alreadyExists(`Thread ${threadId}`);
}

export async function getThread({ sql, workspaceId }: Scope, threadId: string): Promise<Thread | null> {
  const [row] =
    await sql`select * from rouse.thread where workspace_id = ${workspaceId} and thread_id = ${threadId}`;
  return row === undefined ? null : toThread(row);
}

export async function listThreads(
  { sql, workspaceId }: Scope,
  { status, agentId, after, limit }: { status?: string; agentId?: string; after?: string; limit: number },
): Promise<Page<Thread>> {
  const rows = await sql`
    select t.* from rouse.thread t
    where t.workspace_id = ${workspaceId}
      ${status === undefined ? sql`` : sql`and t.status = ${status}`}
      ${
        agentId === undefined
          ? sql``
          : sql`and exists (
        select 1 from rouse.member m
        where m.workspace_id = ${workspaceId} and m.thread_id = t.thread_id and m.agent_id = ${agentId})`
      }
      ${after === undefined ? sql`` : sql`and (t.created_at, t.thread_id) < (${createdAtIn(after)}::bigint, ${threadIdIn(after)})`}
    order by t.created_at desc, t.thread_id desc
    limit ${limit + 1}`;
  return pageOf(rows.map(toThread), limit, ({ createdAt, threadId }) => `${createdAt}.${threadId}`);
}

/** The last change of a batch stays. */
export async function changeThreadStatuses(
  { sql, workspaceId }: Scope,
  changes: readonly EngineRecords["thread.statusChanged"][],
): Promise<void> {
  if (changes.length === 0) return;
  const lastOfEach = new Map(changes.map((change) => [change.threadId, change]));
  const last = inLockOrder([...lastOfEach.values()], ({ threadId }) => threadId);
  const threadIds = column(
    sql,
    last.map(({ threadId }) => threadId),
  );
  await inFlight([
    // Posts and joins change the row, too: the next statement sees it as they left it, and nothing changes after it.
    sql`
      select count(*) from unnest(${threadIds}) as x(thread_id)
      cross join lateral (
        select 1 from rouse.thread t where t.workspace_id = ${workspaceId} and t.thread_id = x.thread_id
        offset 0 for update
      ) locked`,
    sql`
      update rouse.thread t
      set status = x.status, status_by = x.by, status_reason = (x.reason::json ->> 0),
          updated_at = greatest(t.updated_at, x.at)
      from unnest(
        ${threadIds},
        ${column(
          sql,
          last.map(({ status }) => status),
        )},
        ${column(
          sql,
          last.map(({ by }) => by),
        )},
        ${column(
          sql,
          last.map(({ reason }) => JSON.stringify([storable(reason)])),
        )},
        ${column(
          sql,
          last.map(({ at }) => at),
        )}::bigint[]
      ) as x(thread_id, status, by, reason, at)
      cross join lateral (
        select b.ctid from rouse.thread b where b.workspace_id = ${workspaceId} and b.thread_id = x.thread_id offset 0
      ) found
      where t.ctid = found.ctid`,
  ]);
}

function createdAtIn(cursor: string): string {
  return cursor.slice(0, cursor.indexOf("."));
}

function threadIdIn(cursor: string): string {
  return cursor.slice(cursor.indexOf(".") + 1);
}

function toThread(row: Row): Thread {
  return {
    threadId: row["thread_id"],
    title: row["title"],
    type: row["type"],
    createdBy: row["created_by"],
    createdAt: Number(row["created_at"]),
    status: row["status"] as ThreadStatus,
    statusReason: row["status_reason"],
    statusBy: row["status_by"],
    updatedAt: Number(row["updated_at"]),
    firstSeq: Number(row["first_seq"]),
    headSeq: Number(row["head_seq"]),
  };
}
