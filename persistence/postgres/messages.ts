import type { Message, MessageKind, NewMessage } from "../../runtime/domain.ts";
import type { Role } from "../../machines/roles.ts";
import { threadNotFound } from "../missing.ts";
import { column, numberOrNull } from "./columns.ts";
import { inFlight } from "./flight.ts";
import type { Fragment, Row, Scope } from "./scope.ts";

/**
 * The thread's row is locked first, which makes seq gap-free. Members are read by a later statement: its snapshot has
 * whoever joined while this one waited for the lock. It is sent without waiting, so it looks the seq up for itself.
 */
export async function appendMessage(
  scope: Scope,
  message: NewMessage,
): Promise<{ message: Message; addressed: string[] }> {
  const { sql, workspaceId } = scope;
  const { threadId, author, to } = message;
  const [inserted, addressed] = await inFlight([
    insertMessage(scope, message),
    sql`
      update rouse.member m set head_seq = t.head_seq from rouse.thread t
      where t.workspace_id = ${workspaceId} and t.thread_id = ${threadId}
        and m.workspace_id = ${workspaceId} and m.thread_id = ${threadId} and m.agent_id <> ${author}
        ${to === null ? sql`` : sql`and m.agent_id = any(${column(sql, to)})`}
      returning m.agent_id`,
  ]);
  return { message: inserted, addressed: addressed.map((row) => row["agent_id"] as string).toSorted() };
}

async function insertMessage({ sql, workspaceId, now }: Scope, message: NewMessage): Promise<Message> {
  const { threadId, author, authorRole, kind, body, to, inReplyTo } = message;
  const [row] = await sql`
    with thread as (
      update rouse.thread set head_seq = head_seq + 1, updated_at = greatest(updated_at, ${now}::bigint)
      where workspace_id = ${workspaceId} and thread_id = ${threadId}
      returning head_seq
    )
    insert into rouse.message
      (workspace_id, thread_id, seq, author, author_role, kind, body, addressees, in_reply_to, created_at)
    select ${workspaceId}, ${threadId}, head_seq, ${author}, ${authorRole}, ${kind}, ${body},
           ${to === null ? sql`null::text[]` : column(sql, to)}, ${inReplyTo}::bigint, ${now}::bigint
    from thread
    returning seq, created_at`;
  if (row === undefined) throw threadNotFound(threadId);
  return { ...message, seq: Number(row["seq"]), createdAt: Number(row["created_at"]) };
}

export async function listMessages(
  { sql, workspaceId }: Scope,
  { threadId, afterSeq, limit }: { threadId: string; afterSeq: number; limit: number },
): Promise<Message[]> {
  const rows = await sql`
    select *, to_json(addressees)::text as addressees_json from rouse.message
    where workspace_id = ${workspaceId} and thread_id = ${threadId} and seq > ${afterSeq}
    order by seq limit ${limit}`;
  return rows.map(toMessage);
}

export async function listLatestMessages(
  { sql, workspaceId }: Scope,
  { threadId, limit }: { threadId: string; limit: number },
): Promise<Message[]> {
  const rows = await sql`
    select *, to_json(addressees)::text as addressees_json from rouse.message
    where workspace_id = ${workspaceId} and thread_id = ${threadId}
    order by seq desc limit ${limit}`;
  return rows.map(toMessage);
}

/** Condition on rouse.message: speaks to the agent and is not its own. */
export function addressedTo({ sql }: Pick<Scope, "sql">, agentId: string): Fragment {
  return sql`author <> ${agentId} and (addressees is null or ${agentId} = any(addressees))`;
}

function toMessage(row: Row): Message {
  return {
    threadId: row["thread_id"],
    seq: Number(row["seq"]),
    author: row["author"],
    authorRole: row["author_role"] as Role,
    kind: row["kind"] as MessageKind,
    body: row["body"],
    to: row["addressees_json"] === null ? null : JSON.parse(row["addressees_json"]),
    inReplyTo: numberOrNull(row["in_reply_to"]),
    createdAt: Number(row["created_at"]),
  };
}
