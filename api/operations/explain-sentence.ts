import type { ParticipantContext } from "../../machines/participant/events.ts";
import type { StoredActor } from "../../runtime/store.ts";
import { participantContext, regionState, statesOf } from "./actor-view.ts";
import { iso } from "./fields.ts";
import { owedReply } from "./participant-view.ts";
import { blockAdvice, deferralWords, heldAdvice } from "./wake-advice.ts";

export interface Pending {
  /** Epoch ms of the earliest timer, or null. */
  dueAt: number | null;
  /** Ports at work. */
  ports: readonly string[];
}

export interface Sentence {
  sentence: string;
  next: string;
}

/** The answer in one sentence, from where the participant's chart stands. Pure. */
export function explainSentence(actor: StoredActor, pending: Pending): Sentence {
  const context = participantContext(actor);
  const who = `${context.agentId} in ${context.threadId}`;
  if (actor.status === "quarantined") {
    return {
      sentence: `${who} is set aside: its chart could not process an event, or this node does not have that chart.`,
      next: "See list_quarantined and its dead letter; once the cause is gone, requeue_dead_letter and release its actor.",
    };
  }
  const states = statesOf(actor);
  if (states.includes("attention.unread.held")) return held(who, context);
  const told = standing(who, context, pending, regionState(states, "attention"));
  return withOwedReply(told, owedReply(context, states));
}

/** Nobody is woken for a reply, so it has a sentence of its own. */
function withOwedReply(told: Sentence, owed: ReturnType<typeof owedReply>): Sentence {
  if (owed === null) return told;
  const debt = `It read message ${owed.seq} of ${owed.to}, which wants a reply, and posted nothing since`;
  if (!owed.overdue) return { ...told, sentence: `${told.sentence} ${debt}.` };
  return {
    sentence: `${told.sentence} ${debt}: a person was told.`,
    next: `${told.next} For the reply: ask it in the thread, answer in its place, or resolve the thread.`,
  };
}

function held(who: string, context: ParticipantContext): Sentence {
  const work = `${context.unread} unread`;
  if (context.threadStatus === "closed") {
    return {
      sentence: `${who} has ${work}, but the thread is closed.`,
      next: "Reopen the thread, if need be.",
    };
  }
  const scopes = context.pausedBy.length === 0 ? "its runtime" : context.pausedBy.join(" and ");
  return { sentence: `${who} has ${work}, but injection is paused for ${scopes}.`, next: heldAdvice };
}

function standing(
  who: string,
  context: ParticipantContext,
  pending: Pending,
  state: string | null,
): Sentence {
  const work = `${context.unread} unread`;
  const wait = pending.dueAt === null ? "When news arrives." : `Looks again at ${iso(pending.dueAt)}.`;
  switch (state) {
    case "caughtUp":
      return {
        sentence: `${who} has read everything addressed to it.`,
        next: "Nothing, until somebody posts.",
      };
    case "unread":
      return { sentence: `${who} has ${work}; messages of this moment are being collected.`, next: wait };
    case "deferred":
      return {
        sentence: `${who} has ${work}, but its wake waits: ${deferral(context)}.`,
        next: wait,
      };
    case "triggering":
      return { sentence: `The wake line for ${who} is being typed now (${work}).`, next: working(pending) };
    case "backoff":
      return {
        sentence: `The last delivery to ${who} came to nothing (${lastReason(context)}).`,
        next: wait,
      };
    case "awaitingAck":
      return {
        sentence: `${who} was woken and has not answered yet.`,
        next: `Without a heartbeat or reading it is tried again. ${wait}`,
      };
    case "reading":
      return { sentence: `${who} is awake and reading; ${work} left.`, next: wait };
    case "resuming":
    case "spawning":
      return {
        sentence: `${who} has no living terminal; it is ${state === "resuming" ? "being resumed" : "being started anew"}.`,
        next: working(pending),
      };
    case "awaitingStart":
      return { sentence: `${who} was started and has not answered yet.`, next: wait };
    case "blocked":
      return blocked(who, context);
    default:
      return { sentence: `${who} stands in ${String(state)}.`, next: wait };
  }
}

function deferral({ wake }: ParticipantContext): string {
  const reason = wake?.deferReason ?? null;
  return reason === null ? "for news" : `${deferralWords[reason]} (${reason})`;
}

function blocked(who: string, { blocked: block, unread, policy }: ParticipantContext): Sentence {
  if (block === null) return { sentence: `${who} is blocked.`, next: "Unblock it." };
  const detail = block.detail === "" ? "." : `: ${block.detail}`;
  if (block.until !== null) {
    return {
      sentence: `${who} has ${unread} unread and is blocked (${block.reason}) until ${iso(block.until)} at the latest${detail}`,
      next: policy.wakeAtLimitReset
        ? "It is woken soon after that time, or when its terminal becomes idle."
        : `It is not woken at that time by itself: \`wakeAtLimitReset\` is off. ${blockAdvice[block.reason]}`,
    };
  }
  return {
    sentence: `${who} has ${unread} unread and is blocked (${block.reason})${detail}`,
    next: blockAdvice[block.reason],
  };
}

function working({ ports }: Pending): string {
  return ports.length === 0 ? "A node takes it up." : `Waits for ${ports.join(", ")} to finish.`;
}

function lastReason({ wake }: ParticipantContext): string {
  return wake?.hops.at(-1)?.reason ?? "no reason known";
}
