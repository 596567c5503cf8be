import type { ThreadStatus } from "../../machines/participant/contract.ts";
import type { Role } from "../../machines/roles.ts";
import type { AppendedMessage, Message, MessageKind, NewMessage } from "../../runtime/domain.ts";
import type { RouseError } from "../../runtime/errors.ts";
import { threadNotFound } from "../missing.ts";
import { jsonOfRows, numberOrNull } from "./columns.ts";
import { inLockOrder } from "./lock-order.ts";
import type { Fragment, Row, Scope } from "./scope.ts";

/**
 * One result for each, in the order given: what it became, or why not, which leaves the others as they are. Those of one
 * thread get their seq in that order. Migration 0012 says how the function locks, and what it keeps.
 */
export async function appendMessages(
  { sql, workspaceId, now }: Scope,
  messages: readonly NewMessage[],
): Promise<(AppendedMessage | RouseError)[]> {
  const appended = new Map<number, AppendedMessage>();
  const rows = await sql`
    select * from rouse.append_messages(${workspaceId}, (${jsonOfRows(byThread(messages))}::text)::json, ${now}::bigint)`;
  for (const row of rows) {
    const place = Number(row["place"]);
    const given = messages[place];
    if (given === undefined) continue;
    const { wantsReply: _wantsReply, ...message } = given;
    appended.set(place, {
      message: { ...message, seq: Number(row["seq"]), createdAt: Number(row["created_at"]) },
      addressed: JSON.parse(row["addressed"]),
      threadStatus: row["status"] as ThreadStatus,
      settlesReply: row["replies"] as boolean,
    });
  }
  return messages.map(({ threadId }, place) => appended.get(place) ?? threadNotFound(threadId));
}

/** What the function takes: `posts` is told with the first of each thread, for all of that thread. */
function byThread(messages: readonly NewMessage[]): object[] {
  const sorted = inLockOrder(
    messages.map((message, place) => ({ message, place })),
    ({ message }) => message.threadId,
  );
  return sorted.map(({ message, place }, index) => {
    const { threadId: thread, author, authorRole: role, kind, body, to: addressees, inReplyTo } = message;
    const { wantsReply = false } = message;
    const isFirst = sorted[index - 1]?.message.threadId !== thread;
    const posts = isFirst ? sorted.filter((each) => each.message.threadId === thread).length : 0;
    return {
      place,
      thread,
      posts,
      author,
      role,
      kind,
      body,
      addressees,
      answered: inReplyTo,
      wants_reply: wantsReply,
    };
  });
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
