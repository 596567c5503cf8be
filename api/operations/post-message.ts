import { z } from "zod";
import { addresses } from "../../machines/mail.ts";
import type { ParticipantEvent } from "../../machines/participant/events.ts";
import type { ThreadEvent } from "../../machines/thread/events.ts";
import { fingerprint, isContentFree } from "../../machines/thread/progress.ts";
import type { Message, MessageKind } from "../../runtime/domain.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Transaction } from "../../runtime/store.ts";
import { actingMembers, requireMembers, requireOpen } from "./access.ts";
import { agentId, caps, iso, messageBody, messageKind, seq, threadId, timestamp } from "./fields.ts";
import type { Filtered } from "./content-filter.ts";
import { defineMutation, type Workspace } from "./operation.ts";
import { members } from "./role-sets.ts";

export const postMessage = defineMutation({
  name: "post_message",
  summary: "Posts a message; whoever it is addressed to is woken if need be.",
  guidance:
    "Without `to` it is for everybody in the thread; with `to` only those named are woken. Say something new: thanks and acknowledgements need no message.",
  toolset: "thread",
  http: { method: "POST", path: "/v1/threads/:thread_id/messages" },
  roles: members,
  refusals: ["thread_not_found", "not_a_participant", "thread_closed", "content_refused"],
  idempotent: false,
  isFrequent: true,
  input: {
    thread_id: threadId,
    body: messageBody.describe("At most 64 KiB of UTF-8."),
    kind: messageKind
      .optional()
      .describe(
        "Default: message. finding: a review finding; decision: settles something; question: wants an answer.",
      ),
    to: z
      .array(agentId)
      .min(1)
      .max(caps.recipients)
      .optional()
      .describe("Participants it is directed to; left out: all."),
    in_reply_to: seq.min(1).optional().describe("Seq of the message that this answers."),
  },
  output: {
    thread_id: z.string(),
    seq: z.int(),
    created_at: timestamp,
    addressed: z.array(z.string()).describe("Whose unread work this is now."),
  },
  async handler({ caller, input, tx, workspace, noteChange }) {
    requireFitting(input.body);
    const to = input.to === undefined ? null : [...new Set(input.to)];
    await requireMembers(tx, input.thread_id, [...actingMembers(caller), ...(to ?? [])]);
    // Only who may post hears what the filter thinks of a text.
    const { text: body, redactions } = filtered(workspace, input.body);
    for (const { rule, count } of redactions) {
      noteChange(`content-filter/${rule}`, { before: null, after: `${count} redacted` });
    }
    const kind = input.kind ?? "message";
    const wantsReply = asksSomebody(kind, { to, body, inReplyTo: input.in_reply_to });
    const { message, addressed, threadStatus, settlesReply } = await tx.appendMessage({
      threadId: input.thread_id,
      author: caller.agentId,
      authorRole: caller.role,
      kind,
      body,
      to,
      inReplyTo: input.in_reply_to ?? null,
      wantsReply,
    });
    requireOpen({ threadId: message.threadId, status: threadStatus });
    requireEarlier(message);
    noteChange(`thread/${message.threadId} head_seq`, { before: message.seq - 1, after: message.seq });
    await announce(tx, message, { addressed, wantsReply, settlesReply });
    return { thread_id: message.threadId, seq: message.seq, created_at: iso(message.createdAt), addressed };
  },
});

/**
 * Who is named owes a reply (decision 14): not to a courtesy, to what settles something, or to an answer, unless that asks
 * in turn. Of a broadcast nobody in particular.
 */
function asksSomebody(
  kind: MessageKind,
  { to, body, inReplyTo }: { to: readonly string[] | null; body: string; inReplyTo: number | undefined },
): boolean {
  if (to === null || kind === "decision" || isContentFree(body, to)) return false;
  return kind === "question" || inReplyTo === undefined;
}

/** A redaction's mark may be longer than what it stands for. */
function filtered({ contentFilter }: Workspace, body: string): Filtered {
  if (contentFilter === undefined) return { text: body, redactions: [] };
  const result = contentFilter(body);
  requireFitting(result.text);
  return result;
}

function requireFitting(body: string): void {
  const bytes = Buffer.byteLength(body);
  if (bytes <= caps.bodyBytes) return;
  throw new RouseError("body_too_large", `the body has ${bytes} bytes; ${caps.bodyBytes} are allowed`, {
    nextStep: "Shorten it, or put the long text into a file and post where it is.",
    details: { bytes, allowed: caps.bodyBytes },
  });
}

function requireEarlier({ inReplyTo, seq: own, threadId: thread }: Message): void {
  if (inReplyTo === null || inReplyTo < own) return;
  throw new RouseError("invalid_input", `in_reply_to: thread ${thread} has no message ${inReplyTo}`, {
    nextStep: "Name the seq of an existing message, or leave in_reply_to out.",
  });
}

async function announce(
  tx: Transaction,
  message: Message,
  {
    addressed,
    wantsReply,
    settlesReply,
  }: { addressed: string[]; wantsReply: boolean; settlesReply: boolean },
): Promise<void> {
  const { threadId: id, seq: number, author: from, body, kind, authorRole } = message;
  const turn: ThreadEvent = {
    type: "message.posted",
    seq: number,
    from,
    fingerprint: fingerprint(body),
    contentFree: isContentFree(body, [from, ...addressed]),
    finding: kind === "finding",
    byPerson: authorRole === "operator",
  };
  const unread: ParticipantEvent = {
    ...{ type: "message.posted", seq: number, from },
    ...(wantsReply ? { wantsReply } : {}),
  };
  const reply: ParticipantEvent = { type: "reply.posted", seq: number };
  await tx.send([
    { to: addresses.thread(id), from, event: { ...turn } },
    ...addressed.map((agent) => ({ to: addresses.participant(id, agent), from, event: { ...unread } })),
    ...(settlesReply ? [{ to: addresses.participant(id, from), from, event: { ...reply } }] : []),
  ]);
}
