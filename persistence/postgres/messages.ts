import type { ThreadStatus } from "../../machines/participant/contract.ts";
import type { Role } from "../../machines/roles.ts";
import type { AppendedMessage, Message, MessageKind, NewMessage } from "../../runtime/domain.ts";
import { threadNotFound } from "../missing.ts";
import { column, numberOrNull } from "./columns.ts";
import type { Fragment, Row, Scope } from "./scope.ts";

/** Migrations 0010 and 0013 say how the function locks, and what it keeps. */
export async function appendMessage(
  { sql, workspaceId, now }: Scope,
  { wantsReply = false, ...message }: NewMessage,
): Promise<AppendedMessage> {
  const { threadId, author, authorRole, kind, body, to, inReplyTo } = message;
  const [row] = await sql`
    select * from rouse.append_message(
      ${workspaceId}, ${threadId}, ${author}, ${authorRole}, ${kind}, ${body},
      ${to === null ? sql`null::text[]` : column(sql, to)}, ${inReplyTo}::bigint, ${now}::bigint, ${wantsReply}::boolean
    )`;
  if (row === undefined) throw threadNotFound(threadId);
  return {
    message: { ...message, seq: Number(row["seq"]), createdAt: Number(row["created_at"]) },
    addressed: JSON.parse(row["addressed"]),
    threadStatus: row["status"] as ThreadStatus,
    settlesReply: row["replies"] as boolean,
  };
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
