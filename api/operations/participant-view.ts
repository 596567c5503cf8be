import { z } from "zod";
import { addresses } from "../../machines/mail.ts";
import { pauseScopes } from "../../machines/participant/contract.ts";
import { blockReasons } from "../../machines/reasons.ts";
import type { ParticipantContext } from "../../machines/participant/events.ts";
import type { Member } from "../../runtime/domain.ts";
import type { StoredActor, Transaction } from "../../runtime/store.ts";
import { participantContext, regionState, statesOf } from "./actor-view.ts";
import { isoOrNull, timestamp } from "./fields.ts";

/** A participant as callers see it. */
export const participantShape = z.object({
  thread_id: z.string(),
  agent_id: z.string(),
  attention: z
    .string()
    .nullable()
    .describe("Where its wake stands, for instance caughtUp, awaitingAck, blocked."),
  presence: z.string().nullable(),
  states: z.array(z.string()).describe("Active states of its chart."),
  last_read_seq: z.int(),
  head_seq: z.int().describe("Newest message addressed to it."),
  unread: z.int(),
  paused_by: z.array(z.enum(pauseScopes)),
  blocked_reason: z.enum(blockReasons).nullable(),
  blocked_detail: z.string().nullable(),
  owes_reply: z
    .object({ seq: z.int(), to: z.string(), overdue: z.boolean().describe("A person was told.") })
    .nullable()
    .describe("It read a message that wants a reply of it, and posted nothing since."),
  last_heartbeat_at: timestamp.nullable(),
  wake_id: z.string().nullable().describe("The wake under way."),
});
export type ParticipantView = z.input<typeof participantShape>;

export function participantView(actor: StoredActor): ParticipantView {
  const context = participantContext(actor);
  const states = statesOf(actor);
  return {
    thread_id: context.threadId,
    agent_id: context.agentId,
    attention: regionState(states, "attention"),
    presence: regionState(states, "presence"),
    states,
    last_read_seq: context.lastReadSeq,
    head_seq: context.headSeq,
    unread: context.unread,
    paused_by: [...context.pausedBy],
    blocked_reason: context.blocked?.reason ?? null,
    blocked_detail: context.blocked?.detail ?? null,
    owes_reply: owedReply(context, states),
    last_heartbeat_at: isoOrNull(context.agent.lastHeartbeatAt),
    wake_id: context.wake?.wakeId ?? null,
  };
}

/** Null also for what an earlier chart stored, which knows of none. */
export function owedReply(
  { owed }: ParticipantContext,
  states: readonly string[],
): { seq: number; to: string; overdue: boolean } | null {
  const standing = regionState(states, "reply") ?? "settled";
  if (standing === "settled" || owed === null) return null;
  return { seq: owed.seq, to: owed.from, overdue: standing === "overdue" };
}

/** Cursors from the table, which is the truth; states from the actor. */
export async function participantsOf(
  tx: Transaction,
  members: readonly Member[],
): Promise<ParticipantView[]> {
  const views = await Promise.all(members.map((member) => participantOf(tx, member)));
  return views.filter((view) => view !== null);
}

async function participantOf(tx: Transaction, member: Member): Promise<ParticipantView | null> {
  const actor = await tx.getActor(addresses.participant(member.threadId, member.agentId));
  if (actor === null) return null;
  return {
    ...participantView(actor),
    last_read_seq: member.lastReadSeq,
    head_seq: member.headSeq,
    unread: await tx.countUnread(member),
  };
}
