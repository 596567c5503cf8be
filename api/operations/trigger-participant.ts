import { z } from "zod";
import { addresses } from "../../machines/mail.ts";
import type { ParticipantContext, ParticipantEvent } from "../../machines/participant/events.ts";
import type { CommandResult } from "../../runtime/engine.ts";
import { requireActing, requireMember, requireOpen, requireThread } from "./access.ts";
import { participantContext, regionState, statesOf } from "./actor-view.ts";
import { authorityOf } from "./authority.ts";
import { agentId, reason, threadId } from "./fields.ts";
import { defineMutation } from "./operation.ts";
import { members } from "./role-sets.ts";
import { blockAdvice, heldAdvice } from "./wake-advice.ts";

export const triggerActions = [
  "triggered",
  "already_active",
  "deferred",
  "fallback_required",
  "rate_limited",
  "blocked",
] as const;

const outcome = {
  action: z
    .enum(triggerActions)
    .describe("fallback_required: no living terminal, so the session is resumed or the agent started anew."),
  reason: z.string().nullable().describe("Reason code for waiting or being blocked."),
  next_step: z.string().nullable(),
};
type Outcome = z.output<z.ZodObject<typeof outcome>>;

export const triggerParticipant = defineMutation({
  name: "trigger_participant",
  summary: "Wakes another participant now instead of waiting for the usual wake; says what was done.",
  guidance: "Posting to somebody wakes them already; call this only when an answer is overdue.",
  toolset: "thread",
  http: { method: "POST", path: "/v1/threads/:thread_id/participants/:agent_id/trigger" },
  roles: members,
  refusals: ["thread_not_found", "not_a_participant", "thread_closed", "actor_quarantined"],
  idempotent: true,
  input: { thread_id: threadId, agent_id: agentId.describe("Whom to wake."), reason: reason.optional() },
  output: {
    thread_id: z.string(),
    agent_id: z.string(),
    ...outcome,
    wake_id: z.string().nullable(),
    trace_id: z.string().describe("Follow it with list_wakes: the wake, or this request when none began."),
  },
  async handler({ caller, input, tx, workspace, requestId }) {
    const { thread_id: thread, agent_id: agent } = input;
    await requireActing(tx, caller, thread);
    await requireMember(tx, thread, agent);
    requireOpen(await requireThread(tx, thread));
    const event: ParticipantEvent = {
      type: "trigger.requested",
      ...authorityOf(caller, input.reason ?? `asked for by ${caller.agentId}`),
    };
    const to = addresses.participant(thread, agent);
    const result = await workspace.engine.command(tx, { to, from: caller.agentId, event: { ...event } });
    const context = participantContext(result.actor);
    return {
      thread_id: thread,
      agent_id: agent,
      ...triggerOutcome(result),
      wake_id: context.wake?.wakeId ?? null,
      trace_id: latestWakeId(context) ?? requestId,
    };
  },
});

/** Also of a wake that ended at once, blocked: its receipt says why. */
function latestWakeId({ threadId: thread, agentId: agent, wakeCount }: ParticipantContext): string | null {
  return wakeCount === 0 ? null : `${thread}.${agent}.${wakeCount}`;
}

/** Where the chart went tells what was done. */
export function triggerOutcome({ taken, actor }: Pick<CommandResult, "taken" | "actor">): Outcome {
  const context = participantContext(actor);
  const states = statesOf(actor);
  if (states.includes("attention.unread.held")) {
    return { action: "deferred", reason: "injectionPaused", next_step: heldAdvice };
  }
  switch (regionState(states, "attention")) {
    case "triggering":
      return plain(taken ? "triggered" : "already_active");
    case "resuming":
    case "spawning":
      return plain(taken ? "fallback_required" : "already_active");
    case "deferred":
      return deferral(context);
    case "blocked": {
      const reasonCode = context.blocked?.reason ?? null;
      return {
        action: "blocked",
        reason: reasonCode,
        next_step: reasonCode === null ? null : blockAdvice[reasonCode],
      };
    }
    default:
      return plain("already_active");
  }
}

function plain(action: Outcome["action"]): Outcome {
  return { action, reason: null, next_step: null };
}

function deferral({ wake }: ParticipantContext): Outcome {
  const reasonCode = wake?.deferReason ?? null;
  const action = reasonCode === "rateLimited" ? "rate_limited" : "deferred";
  return { action, reason: reasonCode, next_step: "Nothing: it is tried again by itself." };
}
