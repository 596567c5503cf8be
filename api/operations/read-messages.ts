import { z } from "zod";
import { addresses } from "../../machines/mail.ts";
import type { ParticipantEvent } from "../../machines/participant/events.ts";
import type { Message } from "../../runtime/domain.ts";
import { requireMember, requireReadable } from "./access.ts";
import { caps, limit, seq, threadId } from "./fields.ts";
import { defineMutation, defineQuery } from "./operation.ts";
import { everyone, members } from "./role-sets.ts";
import { messageShape, messageView, untrustedNote } from "./thread-view.ts";

const defaultReadBytes = 32_768;

export const readMessages = defineQuery({
  name: "read_messages",
  summary:
    "Messages in order, by default from your cursor on. Reading does not move the cursor: call ack_read.",
  guidance: `Whole messages only, as many as fit. ${untrustedNote}`,
  toolset: "thread",
  http: { method: "GET", path: "/v1/threads/:thread_id/messages" },
  roles: everyone,
  input: {
    thread_id: threadId,
    after_seq: seq
      .optional()
      .describe("Read what follows this seq. Default: your cursor. 0: from the beginning."),
    limit,
    max_bytes: z
      .int()
      .min(1_024)
      .max(caps.readBytes)
      .optional()
      .describe("Bound of all bodies together, default 32768; the first message always comes whole."),
  },
  output: {
    thread_id: z.string(),
    messages: z.array(messageShape),
    next_after_seq: z.int().describe("Pass as after_seq for the next page."),
    has_more: z.boolean(),
    head_seq: z.int(),
    last_read_seq: z.int().nullable().describe("Your cursor."),
  },
  async handler({ caller, input, store }) {
    return store.transaction(
      async (tx) => {
        const { thread, member } = await requireReadable(tx, caller, input.thread_id);
        const afterSeq = input.after_seq ?? member?.lastReadSeq ?? 0;
        const query = { threadId: thread.threadId, afterSeq, limit: input.limit ?? 50 };
        const messages = fitting(await tx.listMessages(query), input.max_bytes ?? defaultReadBytes);
        const nextAfterSeq = messages.at(-1)?.seq ?? afterSeq;
        return {
          thread_id: thread.threadId,
          messages: messages.map((message) => messageView(message, caller)),
          next_after_seq: nextAfterSeq,
          has_more: nextAfterSeq < thread.headSeq,
          head_seq: thread.headSeq,
          last_read_seq: member?.lastReadSeq ?? null,
        };
      },
      { readOnly: true },
    );
  },
});

function fitting(messages: readonly Message[], maxBytes: number): Message[] {
  const kept: Message[] = [];
  let left = maxBytes;
  for (const message of messages) {
    left -= Buffer.byteLength(message.body);
    if (left < 0 && kept.length > 0) break;
    kept.push(message);
  }
  return kept;
}

export const ackRead = defineMutation({
  name: "ack_read",
  summary: "Moves your cursor forward: you have read everything up to this seq.",
  guidance: "Call it once you took the messages in; it never moves back.",
  toolset: "thread",
  http: { method: "POST", path: "/v1/threads/:thread_id/ack" },
  roles: members,
  idempotent: true,
  input: { thread_id: threadId, seq: seq.describe("The newest seq that you read.") },
  output: { thread_id: z.string(), last_read_seq: z.int(), unread: z.int() },
  async handler({ caller, input, tx }) {
    const key = { threadId: input.thread_id, agentId: caller.agentId };
    const before = await requireMember(tx, key.threadId, key.agentId);
    const { lastReadSeq } = await tx.advanceCursor({ ...key, seq: input.seq });
    const unread = await tx.countUnread(key);
    if (lastReadSeq > before.lastReadSeq) {
      const event: ParticipantEvent = { type: "ack.received", lastReadSeq, unread };
      await tx.send([
        { to: addresses.participant(key.threadId, key.agentId), from: key.agentId, event: { ...event } },
      ]);
    }
    return { thread_id: key.threadId, last_read_seq: lastReadSeq, unread };
  },
});
