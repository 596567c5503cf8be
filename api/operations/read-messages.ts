import { z } from "zod";
import { addresses } from "../../machines/mail.ts";
import type { ParticipantEvent } from "../../machines/participant/events.ts";
import type { Message } from "../../runtime/domain.ts";
import type { Store } from "../../runtime/store.ts";
import { requireMember, requireReadable } from "./access.ts";
import { bodyPart, readCursor, writeCursor, type BodyPlace } from "./body-part.ts";
import type { Caller } from "./caller.ts";
import { caps, limit, seq, text, threadId } from "./fields.ts";
import { headWatchOf } from "./head-watch.ts";
import { defineMutation, defineQuery } from "./operation.ts";
import { everyone, members } from "./role-sets.ts";
import { messageShape, messageView, untrustedNote, type MessageView } from "./thread-view.ts";

const defaultReadBytes = 32_768;
/** Below the minute after which clients and proxies give a call up. */
const longestWaitS = 50;

export const readMessages = defineQuery({
  name: "read_messages",
  summary:
    "Messages in order, by default from your cursor on. Reading does not move the cursor: call ack_read.",
  guidance: `A long body comes as its beginning, with a body_cursor. ${untrustedNote}`,
  toolset: "thread",
  http: { method: "GET", path: "/v1/threads/:thread_id/messages" },
  roles: everyone,
  refusals: ["thread_not_found", "not_a_participant"],
  modelDefaults: { preview_bytes: 8_192 },
  input: {
    thread_id: threadId,
    after_seq: seq
      .optional()
      .describe("Read what follows this seq. Default: your cursor. 0: from the beginning."),
    cursor: text(64)
      .optional()
      .describe("A next_cursor: the page after. A body_cursor: the rest of that one body."),
    limit,
    max_bytes: z
      .int()
      .min(1_024)
      .max(caps.readBytes)
      .optional()
      .describe("Bound of all bodies together, default 32768; at least one message always comes."),
    preview_bytes: z
      .int()
      .min(256)
      .max(caps.bodyBytes)
      .optional()
      .describe("Of one body; what is longer is cut. Tools: 8192 by default; REST: whole."),
    wait_s: z
      .int()
      .min(0)
      .max(longestWaitS)
      .optional()
      .describe("Where nothing is there yet: wait so long for it, at most 50 s."),
  },
  output: {
    thread_id: z.string(),
    messages: z.array(messageShape),
    next_after_seq: z.int().describe("Pass as after_seq for the next page."),
    next_cursor: z.string().nullable().describe("Pass as cursor for the next page."),
    has_more: z.boolean(),
    head_seq: z.int(),
    last_read_seq: z.int().nullable().describe("Your cursor."),
  },
  async handler(call) {
    const page = await readPage(call);
    const { wait_s: waitS = 0 } = call.input;
    if (page.messages.length > 0 || waitS === 0) return page;
    const { engine } = call.workspace;
    const isThere = await headWatchOf(engine).waitFor({
      agentId: call.caller.agentId,
      threadId: page.thread_id,
      afterSeq: page.next_after_seq,
      waitMs: waitS * 1_000,
      signal: call.signal,
    });
    // Read anew, and as a whole: access may have ended while we waited.
    return isThere ? readPage(call) : page;
  },
});

interface ReadCall {
  caller: Caller;
  input: {
    thread_id: string;
    after_seq?: number | undefined;
    cursor?: string | undefined;
    limit?: number | undefined;
    max_bytes?: number | undefined;
    preview_bytes?: number | undefined;
  };
  store: Store;
}

function readPage({ caller, input, store }: ReadCall) {
  return store.transaction(
    async (tx) => {
      const { thread, member } = await requireReadable(tx, caller, input.thread_id);
      const place = placeOf(input) ?? { seq: member?.lastReadSeq ?? 0, offset: 0 };
      const rest = place.offset > 0;
      // A place inside a body is one before its message ends: only that message is read.
      // What retention deleted is no gap: reading goes on behind it.
      const afterSeq = Math.max(rest ? place.seq - 1 : place.seq, thread.firstSeq - 1);
      const limitNow = rest ? 1 : (input.limit ?? 50);
      const rows = await tx.listMessages({ threadId: thread.threadId, afterSeq, limit: limitNow });
      const maxBytes = input.max_bytes ?? defaultReadBytes;
      const previewBytes = rest ? maxBytes : (input.preview_bytes ?? Infinity);
      const messages = fitting(rows, { maxBytes, previewBytes, offset: place.offset }, caller);
      const nextAfterSeq = messages.at(-1)?.seq ?? afterSeq;
      const hasMore = nextAfterSeq < thread.headSeq;
      return {
        thread_id: thread.threadId,
        messages,
        next_after_seq: nextAfterSeq,
        next_cursor: hasMore ? writeCursor({ seq: nextAfterSeq, offset: 0 }) : null,
        has_more: hasMore,
        head_seq: thread.headSeq,
        last_read_seq: member?.lastReadSeq ?? null,
      };
    },
    { readOnly: true },
  );
}

function placeOf({ cursor, after_seq: afterSeq }: ReadCall["input"]): BodyPlace | null {
  if (cursor !== undefined) return readCursor(cursor);
  return afterSeq === undefined ? null : { seq: afterSeq, offset: 0 };
}

interface Bounds {
  maxBytes: number;
  previewBytes: number;
  /** Of the first body. */
  offset: number;
}

/** As many as fit, and always one. */
function fitting(rows: readonly Message[], bounds: Bounds, caller: Caller): MessageView[] {
  const kept: MessageView[] = [];
  let left = bounds.maxBytes;
  for (const row of rows) {
    const offset = kept.length === 0 ? bounds.offset : 0;
    const part = bodyPart(row.body, offset, bounds.previewBytes);
    left -= Buffer.byteLength(part.text);
    if (left < 0 && kept.length > 0) break;
    kept.push(messageView(row, caller, part));
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
  refusals: ["thread_not_found", "not_a_participant"],
  idempotent: true,
  isFrequent: true,
  input: { thread_id: threadId, seq: seq.describe("The newest seq that you read.") },
  output: { thread_id: z.string(), last_read_seq: z.int(), unread: z.int() },
  async handler({ caller, input, tx, noteChange }) {
    const key = { threadId: input.thread_id, agentId: caller.agentId };
    const before = await requireMember(tx, key.threadId, key.agentId);
    const { lastReadSeq } = await tx.advanceCursor({ ...key, seq: input.seq });
    const unread = await tx.countUnread(key);
    noteChange(`participant/${key.threadId}.${key.agentId} last_read_seq`, {
      before: before.lastReadSeq,
      after: lastReadSeq,
    });
    if (lastReadSeq > before.lastReadSeq) {
      const event: ParticipantEvent = { type: "ack.received", lastReadSeq, unread };
      await tx.send([
        { to: addresses.participant(key.threadId, key.agentId), from: key.agentId, event: { ...event } },
      ]);
    }
    return { thread_id: key.threadId, last_read_seq: lastReadSeq, unread };
  },
});
