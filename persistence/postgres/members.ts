import type { Member, Page } from "../../runtime/domain.ts";
import type { RouseError } from "../../runtime/errors.ts";
import { alreadyExists, notAParticipant, threadNotFound } from "../missing.ts";
import { column, numberOrNull } from "./columns.ts";
import { inFlight } from "./flight.ts";
import { inLockOrder } from "./lock-order.ts";
import { addressedTo } from "./messages.ts";
import { pageOf } from "../page.ts";
import type { Row, Scope } from "./scope.ts";
import { holdSwitches } from "./switch-lock.ts";

export interface MemberKey {
  threadId: string;
  agentId: string;
}

/**
 * Under the thread's lock, so that no message in the making misses the newcomer, and no switch of injection. Earlier
 * broadcasts are unread to it.
 */
export async function insertMember(scope: Scope, { threadId, agentId }: MemberKey): Promise<void> {
  const { sql, workspaceId, now } = scope;
  const [, [thread]] = await inFlight([
    holdSwitches(scope),
    sql`select 1 from rouse.thread where workspace_id = ${workspaceId} and thread_id = ${threadId} for update`,
  ]);
  if (thread === undefined) throw threadNotFound(threadId);
  const inserted = await sql`
    insert into rouse.member (workspace_id, thread_id, agent_id, joined_at, head_seq)
    select ${workspaceId}, ${threadId}, ${agentId}, ${now}::bigint, coalesce(max(seq), 0)
    from rouse.message
    where workspace_id = ${workspaceId} and thread_id = ${threadId} and ${addressedTo({ sql }, agentId)}
    on conflict do nothing`;
  if (inserted.count === 0) throw alreadyExists(`Membership of ${agentId} in thread ${threadId}`);
}

export async function getMember(
  { sql, workspaceId }: Scope,
  { threadId, agentId }: MemberKey,
): Promise<Member | null> {
  const [row] = await sql`
    select * from rouse.member
    where workspace_id = ${workspaceId} and thread_id = ${threadId} and agent_id = ${agentId}`;
  return row === undefined ? null : toMember(row);
}

export interface MemberKeys {
  threadId: string;
  agentIds: readonly string[];
}

/** One list for each of the keys, in the order given. */
export async function getMembers(
  { sql, workspaceId }: Scope,
  keys: readonly MemberKeys[],
): Promise<Member[][]> {
  const wanted = keys.flatMap(({ threadId, agentIds }, place) =>
    [...new Set(agentIds)].map((agentId) => ({ threadId, agentId, place })),
  );
  const found: Member[][] = keys.map(() => []);
  if (wanted.length === 0) return found;
  const rows = await sql`
    select x.place, m.* from unnest(
      ${column(
        sql,
        wanted.map(({ threadId }) => threadId),
      )},
      ${column(
        sql,
        wanted.map(({ agentId }) => agentId),
      )},
      ${column(
        sql,
        wanted.map(({ place }) => place),
      )}::integer[]
    ) as x(thread_id, agent_id, place)
    cross join lateral (
      select * from rouse.member b
      where b.workspace_id = ${workspaceId} and b.thread_id = x.thread_id and b.agent_id = x.agent_id
      offset 0
    ) m
    order by m.agent_id`;
  for (const row of rows) found[Number(row["place"])]?.push(toMember(row));
  return found;
}

export async function listMembers({ sql, workspaceId }: Scope, threadId: string): Promise<Member[]> {
  const rows = await sql`
    select * from rouse.member where workspace_id = ${workspaceId} and thread_id = ${threadId} order by agent_id`;
  return rows.map(toMember);
}

/** One result for each, in the order given; `not_a_participant` for that one alone. */
export function advanceCursors(
  scope: Scope,
  moves: readonly (MemberKey & { seq: number })[],
): Promise<(Member | RouseError)[]> {
  const sorted = inLockOrder(
    moves.map((move, place) => ({ move, place })),
    ({ move }) => `${move.threadId} ${move.agentId}`,
  );
  const results: Promise<Member | RouseError>[] = [];
  for (const { move, place } of sorted) results[place] = advanceCursor(scope, move);
  return inFlight(results);
}

async function advanceCursor(
  { sql, workspaceId }: Scope,
  { threadId, agentId, seq }: MemberKey & { seq: number },
): Promise<Member | RouseError> {
  const [row] = await sql`
    update rouse.member m
    set last_read_seq = greatest(m.last_read_seq, least(${seq}::bigint, t.head_seq))
    from rouse.thread t
    where t.workspace_id = ${workspaceId} and t.thread_id = ${threadId}
      and m.workspace_id = ${workspaceId} and m.thread_id = ${threadId} and m.agent_id = ${agentId}
    returning m.*`;
  return row === undefined ? notAParticipant({ threadId, agentId }) : toMember(row);
}

export async function countUnread(
  { sql, workspaceId }: Scope,
  { threadId, agentId }: MemberKey,
): Promise<number> {
  const [row] = await sql`
    select count(*) as unread from rouse.message
    where workspace_id = ${workspaceId} and thread_id = ${threadId} and ${addressedTo({ sql }, agentId)}
      and seq > (
        select last_read_seq from rouse.member
        where workspace_id = ${workspaceId} and thread_id = ${threadId} and agent_id = ${agentId}
      )`;
  return Number(row?.["unread"]);
}

export async function listUnreadMembers(
  { sql, workspaceId }: Scope,
  { after, limit }: { after?: string; limit: number },
): Promise<Page<Member>> {
  const [threadId = "", agentId = ""] = after?.split("/") ?? [];
  const rows = await sql`
    select m.* from rouse.member m
    join rouse.thread t on t.workspace_id = ${workspaceId} and t.thread_id = m.thread_id
    where m.workspace_id = ${workspaceId} and m.head_seq > m.last_read_seq and t.status <> 'closed'
      and (m.thread_id, m.agent_id) > (${threadId}, ${agentId})
    order by m.thread_id, m.agent_id
    limit ${limit + 1}`;
  return pageOf(rows.map(toMember), limit, (member) => `${member.threadId}/${member.agentId}`);
}

function toMember(row: Row): Member {
  return {
    threadId: row["thread_id"],
    agentId: row["agent_id"],
    joinedAt: Number(row["joined_at"]),
    lastReadSeq: Number(row["last_read_seq"]),
    headSeq: Number(row["head_seq"]),
    replyDueSeq: numberOrNull(row["reply_due_seq"]),
  };
}
