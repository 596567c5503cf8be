import type { ParticipantContext, TimedParticipantEvent } from "./events.ts";
import { owedAfterPost, owedAfterReply } from "./reply.ts";
import { agentAfter, cursorAfter, cursorAfterPost, withHeartbeat, withRuntime } from "./facts.ts";

/** What each event changes in the participant's knowledge, whatever state it is in. Pure. */
export function knowledgeAfter(
  context: ParticipantContext,
  event: TimedParticipantEvent,
): Partial<ParticipantContext> {
  const { agent } = context;
  switch (event.type) {
    case "message.posted":
      return { ...cursorAfterPost(cursorOf(context), event.seq), owed: owedAfterPost(context.owed, event) };
    case "reply.posted":
      return { owed: owedAfterReply(context.owed, event.seq) };
    case "ack.received":
      return cursorAfter(cursorOf(context), event);
    case "heartbeat.received":
      return { agent: withHeartbeat(agent, event, event.at ?? event.now) };
    case "runtime.reported": {
      const expected = context.wake?.runtimeId ?? null;
      return { agent: withRuntime(agent, event.runtime, expected) };
    }
    case "agent.reported": {
      const { session, spawnHost } = event.agent;
      return { agent: { ...agent, session, spawnHost } };
    }
    case "thread.reported":
      return {
        threadStatus: event.status,
        threadBlock: event.status === "blocked" ? event.reason : null,
      };
    case "state.reconciled":
      return {
        ...cursorAfter(cursorOf(context), event),
        agent: agentAfter(agent, event.agent),
        threadStatus: event.threadStatus,
        threadBlock: event.threadStatus === "blocked" ? context.threadBlock : null,
      };
    case "injection.paused":
      return { pausedBy: [...context.pausedBy.filter((scope) => scope !== event.scope), event.scope] };
    case "injection.resumed":
      return { pausedBy: context.pausedBy.filter((scope) => scope !== event.scope) };
    default:
      return {};
  }
}

function cursorOf({ headSeq, lastReadSeq, unread }: ParticipantContext) {
  return { headSeq, lastReadSeq, unread };
}
