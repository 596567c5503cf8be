import { RouseError } from "../../runtime/errors.ts";
import type { AppendedMessage, Member, Message, NewMessage, Page, Thread } from "../../runtime/domain.ts";
import { alreadyExists, notAParticipant, threadNotFound } from "../missing.ts";
import { pageOf } from "../page.ts";
import { compare, type Scope, type State } from "./state.ts";

export interface MemberKey {
  threadId: string;
  agentId: string;
}

export function insertThread(
  { state, now }: Scope,
  thread: Omit<Thread, "firstSeq" | "headSeq" | "createdAt" | "updatedAt">,
): void {
  requireStorable(thread.title);
  if (state.threads.has(thread.threadId)) throw alreadyExists(`Thread ${thread.threadId}`);
  state.threads.put(thread.threadId, { ...thread, firstSeq: 1, headSeq: 0, createdAt: now, updatedAt: now });
}

export function getThread({ state }: Scope, threadId: string): Thread | null {
  const thread = state.threads.get(threadId);
  return thread === undefined ? null : { ...thread };
}

export function listThreads(
  { state }: Scope,
  { status, agentId, after, limit }: { status?: string; agentId?: string; after?: string; limit: number },
): Page<Thread> {
  const rows = state.threads
    .values()
    .filter((thread) => status === undefined || thread.status === status)
    .filter(({ threadId }) => agentId === undefined || state.members.has(keyOf({ threadId, agentId })))
    .toSorted(newestFirst)
    .filter((thread) => after === undefined || newestFirst(thread, cursorOf(after)) > 0)
    .slice(0, limit + 1);
  return pageOf(
    rows.map((thread) => ({ ...thread })),
    limit,
    ({ createdAt, threadId }) => `${createdAt}.${threadId}`,
  );
}

export function appendMessage(
  { state, now }: Scope,
  { wantsReply = false, ...message }: NewMessage,
): AppendedMessage {
  requireStorable(message.body);
  const { threadId } = message;
  const thread = state.threads.get(threadId);
  if (thread === undefined) throw threadNotFound(threadId);
  const seq = thread.headSeq + 1;
  const to = message.to === null ? null : [...message.to];
  const stored = { ...message, to, seq, createdAt: now };
  state.threads.put(threadId, { ...thread, headSeq: seq, updatedAt: Math.max(thread.updatedAt, now) });
  state.messages.put(threadId, [...messagesOf(state, threadId), stored]);
  const addressed = membersOf(state, threadId).filter(({ agentId }) => speaksTo(stored, agentId));
  for (const member of addressed) {
    const replyDueSeq = wantsReply ? seq : member.replyDueSeq;
    state.members.put(keyOf(member), { ...member, headSeq: seq, replyDueSeq });
  }
  const author = state.members.get(keyOf({ threadId, agentId: message.author }));
  const settlesReply = author !== undefined && author.replyDueSeq !== null;
  if (settlesReply) state.members.put(keyOf(author), { ...author, replyDueSeq: null });
  return {
    message: copy(stored),
    addressed: addressed.map(({ agentId }) => agentId),
    threadStatus: thread.status,
    settlesReply,
  };
}

export function listMessages(
  { state }: Scope,
  { threadId, afterSeq, limit }: { threadId: string; afterSeq: number; limit: number },
): Message[] {
  const later = messagesOf(state, threadId).filter(({ seq }) => seq > afterSeq);
  return later.slice(0, limit).map(copy);
}

export function listLatestMessages(
  { state }: Scope,
  { threadId, limit }: { threadId: string; limit: number },
): Message[] {
  return messagesOf(state, threadId).toReversed().slice(0, limit).map(copy);
}

/** Earlier broadcasts are unread to the newcomer. */
export function insertMember({ state, now }: Scope, { threadId, agentId }: MemberKey): void {
  if (!state.threads.has(threadId)) throw threadNotFound(threadId);
  const key = keyOf({ threadId, agentId });
  if (state.members.has(key)) throw alreadyExists(`Membership of ${agentId} in thread ${threadId}`);
  const headSeq = messagesOf(state, threadId).findLast((message) => speaksTo(message, agentId))?.seq ?? 0;
  state.members.put(key, { threadId, agentId, joinedAt: now, lastReadSeq: 0, headSeq, replyDueSeq: null });
}

export function getMember({ state }: Scope, key: MemberKey): Member | null {
  const member = state.members.get(keyOf(key));
  return member === undefined ? null : { ...member };
}

export function getMembers(
  { state }: Scope,
  { threadId, agentIds }: { threadId: string; agentIds: readonly string[] },
): Member[] {
  return listMembers({ state }, threadId).filter(({ agentId }) => agentIds.includes(agentId));
}

export function listMembers({ state }: Pick<Scope, "state">, threadId: string): Member[] {
  return membersOf(state, threadId).map((member) => ({ ...member }));
}

/** Throws `not_a_participant`. */
export function advanceCursor(
  { state }: Scope,
  { threadId, agentId, seq }: MemberKey & { seq: number },
): Member {
  const member = state.members.get(keyOf({ threadId, agentId }));
  const thread = state.threads.get(threadId);
  if (member === undefined || thread === undefined) throw notAParticipant({ threadId, agentId });
  const advanced = { ...member, lastReadSeq: Math.max(member.lastReadSeq, Math.min(seq, thread.headSeq)) };
  state.members.put(keyOf(member), advanced);
  return { ...advanced };
}

export function countUnread({ state }: Scope, key: MemberKey): number {
  const member = state.members.get(keyOf(key));
  if (member === undefined) return 0;
  const messages = messagesOf(state, key.threadId);
  return messages.filter((message) => message.seq > member.lastReadSeq && speaksTo(message, key.agentId))
    .length;
}

export function listUnreadMembers(
  { state }: Scope,
  { after, limit }: { after?: string; limit: number },
): Page<Member> {
  const [threadId = "", agentId = ""] = after?.split("/") ?? [];
  const rows = state.members
    .values()
    .filter(({ headSeq, lastReadSeq }) => headSeq > lastReadSeq)
    .filter((member) => state.threads.get(member.threadId)?.status !== "closed")
    .filter((member) => byKey(member, { threadId, agentId }) > 0)
    .toSorted(byKey)
    .slice(0, limit + 1);
  return pageOf(
    rows.map((member) => ({ ...member })),
    limit,
    (member) => `${member.threadId}/${member.agentId}`,
  );
}

function speaksTo({ author, to }: Pick<Message, "author" | "to">, agentId: string): boolean {
  return author !== agentId && (to === null || to.includes(agentId));
}

function messagesOf(state: State, threadId: string): readonly Message[] {
  return state.messages.get(threadId) ?? [];
}

function membersOf(state: State, threadId: string): Member[] {
  return state.members
    .values()
    .filter((member) => member.threadId === threadId)
    .toSorted(byKey);
}

function copy(message: Message): Message {
  return { ...message, to: message.to === null ? null : [...message.to] };
}

function newestFirst(
  a: Pick<Thread, "createdAt" | "threadId">,
  b: Pick<Thread, "createdAt" | "threadId">,
): number {
  return compare(b.createdAt, a.createdAt) || compare(b.threadId, a.threadId);
}

function cursorOf(cursor: string): Pick<Thread, "createdAt" | "threadId"> {
  const dot = cursor.indexOf(".");
  return { createdAt: Number(cursor.slice(0, dot)), threadId: cursor.slice(dot + 1) };
}

function byKey(a: MemberKey, b: MemberKey): number {
  return compare(a.threadId, b.threadId) || compare(a.agentId, b.agentId);
}

function keyOf({ threadId, agentId }: MemberKey): string {
  return `${threadId}/${agentId}`;
}

/** The database cannot keep U+0000 in text. */
function requireStorable(text: string): void {
  if (!text.includes("\0")) return;
  throw new RouseError(
    "invalid_input",
    "The text contains a character that cannot be stored, such as U+0000.",
    {
      nextStep: "Remove it and repeat the call.",
    },
  );
}
