import { hasAuthority, hasAuthorityAndReason, isMember } from "../authority.ts";
import type { Authority } from "../roles.ts";
import { isLiftedBy, isLiftedByWays } from "./block.ts";
import { cursorAfter, preferredRuntime } from "./facts.ts";
import { mayWaitFor } from "./deferral.ts";
import { isThreadBlocked } from "./policy.ts";
import type { DeliverWakeOutput } from "./ports.ts";
import type { ParticipantContext, TimedParticipantEvent } from "./events.ts";

/** Predicates over the event in hand; the policy over the context alone is in `policy.ts`. */

type Args = { context: ParticipantContext; event: TimedParticipantEvent };

/** Who asks, when the event is a command. */
function asked(event: TimedParticipantEvent): Partial<Authority> {
  return "role" in event ? event : {};
}

/** Cursor progress told by the ack itself or by reconciliation. */
function progress({ context, event }: Args): { unread: number } | null {
  if (event.type !== "ack.received" && event.type !== "state.reconciled") return null;
  return event.lastReadSeq > context.lastReadSeq ? cursorAfter(context, event) : null;
}

export function readsToHead(args: Args): boolean {
  const { context } = args;
  const open = context.unread > 0 || context.wake !== null || context.blocked !== null;
  return open && progress(args)?.unread === 0;
}

/** Reconciliation also tells a member that joined late where its cursor stands: nobody read anything then. */
export function readsFurther(args: Args): boolean {
  const { context, event } = args;
  const known = event.type === "ack.received" || context.wake !== null || context.blocked !== null;
  const after = progress(args);
  return known && after !== null && after.unread > 0;
}

/** A heartbeat proves that the agent is awake only when something was delivered before it. */
export function provesAwake({ context }: Args): boolean {
  return context.wake !== null && context.wake.deliveredAt !== null;
}

export function fulfilsRequest(args: Args): boolean {
  return provesAwake(args) && args.context.unread === 0;
}

/** Blocked and closed threads answer a trigger by their state; only an override passes the block. */
export function mayRequestWake({ context, event }: Args): boolean {
  return isMember(asked(event)) && (context.threadStatus === "active" || context.threadStatus === "resolved");
}

export function mayForce({ context, event }: Args): boolean {
  return hasAuthorityAndReason(asked(event)) && context.threadStatus !== "closed";
}

export function mayBlock({ context, event }: Args): boolean {
  return hasAuthorityAndReason(asked(event)) && context.threadStatus !== "closed";
}

export function mayPause({ event }: Args): boolean {
  return hasAuthority(asked(event));
}

export function liftsBlock({ context, event }: Args): boolean {
  const { blocked, agent, wake } = context;
  if (blocked === null) return false;
  switch (event.type) {
    case "runtime.reported": {
      const after = preferredRuntime(agent.runtime, event.runtime, wake?.runtimeId ?? null);
      return isLiftedBy(blocked, agent.runtime, after);
    }
    case "agent.reported":
      return isLiftedByWays(blocked, agent, event.agent);
    case "state.reconciled":
      return (
        isLiftedBy(blocked, agent.runtime, event.agent.runtime) || isLiftedByWays(blocked, agent, event.agent)
      );
    default:
      return false;
  }
}

/** Delivery met something in its way for longer than it may be waited for. */
export function defersTooLong(context: ParticipantContext, output: DeliverWakeOutput, now: number): boolean {
  return output.verdict === "deferred" && !mayWaitFor(output.reason, context, now);
}

/** The thread was blocked while a wake was under way. */
export function isWakeOvertaken(context: ParticipantContext): boolean {
  return context.wake !== null && isThreadBlocked(context);
}

/** What a runtime's report says about its agent; null for other events. */
export function presenceReported(
  event: TimedParticipantEvent,
): "active" | "idle" | "offline" | "unknown" | null {
  if (event.type !== "runtime.reported") return null;
  switch (event.runtime.state) {
    case "busy":
    case "dialog":
    case "humanTyping":
    case "limited":
      return "active";
    case "idle":
      return "idle";
    case "stale":
    case "dead":
    case "crashLooping":
    case "deregistered":
      return "offline";
    default:
      return "unknown";
  }
}
