import { z } from "zod";
import { summarize } from "../../runtime/summary.ts";
import { messageKinds } from "../../runtime/domain.ts";
import { requireReadable } from "./access.ts";
import { agentId, caps, cursor, limit, page, pageEnd, pageQuery, threadId, threadStatus } from "./fields.ts";
import { defineQuery } from "./operation.ts";
import { participantShape, participantsOf } from "./participant-view.ts";
import { everyone, seesEverything } from "./role-sets.ts";
import { threadShape, threadView, untrustedNote } from "./thread-view.ts";

export const getThread = defineQuery({
  name: "get_thread",
  summary: "One thread with its participants, their cursors and where their wakes stand.",
  guidance: untrustedNote,
  toolset: "thread",
  http: { method: "GET", path: "/v1/threads/:thread_id" },
  roles: everyone,
  refusals: ["thread_not_found", "not_a_participant"],
  input: { thread_id: threadId },
  output: {
    thread: threadShape,
    participants: z.array(participantShape),
    last_read_seq: z.int().nullable().describe("Your cursor; null when you are no participant."),
    unread: z.int().nullable(),
  },
  async handler({ caller, input, store }) {
    return store.transaction(
      async (tx) => {
        const { thread, member } = await requireReadable(tx, caller, input.thread_id);
        return {
          thread: threadView(thread),
          participants: await participantsOf(tx, await tx.listMembers(thread.threadId)),
          last_read_seq: member?.lastReadSeq ?? null,
          unread: member === null ? null : await tx.countUnread(member),
        };
      },
      { readOnly: true },
    );
  },
});

export const listThreads = defineQuery({
  name: "list_threads",
  summary: "Your threads, newest first; with oversight, all threads of the workspace.",
  guidance: untrustedNote,
  toolset: "thread",
  http: { method: "GET", path: "/v1/threads" },
  roles: everyone,
  input: {
    status: threadStatus.optional(),
    agent_id: agentId.optional().describe("Threads of this participant. Agents see their own only."),
    limit,
    cursor,
  },
  output: { threads: z.array(threadShape), ...page },
  async handler({ caller, input, store }) {
    const member = seesEverything(caller.role) ? input.agent_id : caller.agentId;
    const query = {
      ...pageQuery(input),
      ...(input.status === undefined ? {} : { status: input.status }),
      ...(member === undefined ? {} : { agentId: member }),
    };
    const { rows, next } = await store.transaction((tx) => tx.listThreads(query), { readOnly: true });
    return { threads: rows.map(threadView), ...pageEnd(next) };
  },
});

const excerpt = z.object({ seq: z.int(), author: z.string(), kind: z.enum(messageKinds), text: z.string() });
/** Enough to find open items and decisions of a long thread without reading it whole. */
const summarizedMessages = 200;

export const summarizeThread = defineQuery({
  name: "summarize_thread",
  summary: "A thread in at most 4 KB: status, open items, last decisions, participants with their state.",
  guidance: untrustedNote,
  toolset: "thread",
  http: { method: "GET", path: "/v1/threads/:thread_id/summary" },
  roles: everyone,
  refusals: ["thread_not_found", "not_a_participant"],
  input: {
    thread_id: threadId,
    max_bytes: z.int().min(256).max(caps.summaryBytes).optional().describe("Of `summary`; 4096 at most."),
  },
  output: {
    thread_id: z.string(),
    status: threadStatus,
    status_reason: z.string(),
    head_seq: z.int(),
    participants: z.array(
      z.object({
        agent_id: z.string(),
        last_read_seq: z.int(),
        behind: z.boolean(),
        attention: z.string().nullable(),
      }),
    ),
    open_items: z.array(excerpt),
    last_decisions: z.array(excerpt),
    untrusted: z.literal(true),
    summary: z.string().describe("All of it as text for a prompt."),
  },
  async handler({ caller, input, store }) {
    return store.transaction(
      async (tx) => {
        const { thread } = await requireReadable(tx, caller, input.thread_id);
        const members = await tx.listMembers(thread.threadId);
        const messages = await tx.listLatestMessages({
          threadId: thread.threadId,
          limit: summarizedMessages,
        });
        const maxBytes = input.max_bytes ?? caps.summaryBytes;
        const summary = summarize({ thread, members, messages, maxBytes });
        const states = new Map(
          (await participantsOf(tx, members)).map(({ agent_id, attention }) => [agent_id, attention]),
        );
        return {
          thread_id: thread.threadId,
          status: thread.status,
          status_reason: thread.statusReason,
          head_seq: thread.headSeq,
          participants: summary.participants.map(({ agentId: id, lastReadSeq, behind }) => ({
            agent_id: id,
            last_read_seq: lastReadSeq,
            behind,
            attention: states.get(id) ?? null,
          })),
          open_items: summary.openItems,
          last_decisions: summary.lastDecisions,
          untrusted: true as const,
          summary: summary.text,
        };
      },
      { readOnly: true },
    );
  },
});
