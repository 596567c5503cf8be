import type { EngineRecords } from "../records.ts";
import type { OwedReply, ParticipantContext } from "./events.ts";

/** What the participant owes to those who asked it by name. Pure. */

export function owedAfterPost(
  owed: OwedReply | null,
  { seq, from, wantsReply }: { seq: number; from: string; wantsReply?: boolean },
): OwedReply | null {
  if (wantsReply !== true) return owed;
  return owed === null ? { seq, lastSeq: seq, from } : { ...owed, lastSeq: Math.max(owed.lastSeq, seq) };
}

/** Any word of the participant settles all that came before it. */
export function owedAfterReply(owed: OwedReply | null, seq: number): OwedReply | null {
  if (owed === null || seq > owed.lastSeq) return null;
  return { ...owed, seq: owed.lastSeq };
}

/** Only what was read counts: unread messages have their wake, whose end is told by itself. */
export function isReplyDue({ owed, lastReadSeq, policy, threadStatus }: ParticipantContext): boolean {
  return owed !== null && lastReadSeq >= owed.seq && policy.replyWithinMs > 0 && threadStatus === "active";
}

export function unansweredRecord(
  { threadId, agentId, owed, policy }: ParticipantContext,
  at: number,
): EngineRecords["escalation.raised"] {
  if (owed === null) throw new Error(`${agentId} owes no reply in ${threadId}`);
  const asked = owed.lastSeq === owed.seq ? `message ${owed.seq}` : `messages ${owed.seq} to ${owed.lastSeq}`;
  const detail = `${agentId} read ${asked} of ${owed.from} and did not reply within ${inWords(policy.replyWithinMs)}.`;
  return { threadId, agentId, reason: "unanswered", detail, at };
}

function inWords(ms: number): string {
  const minutes = ms / 60_000;
  return Number.isInteger(minutes) ? `${minutes} min` : `${ms / 1_000} s`;
}
