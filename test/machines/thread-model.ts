import type { Role } from "../../machines/roles.ts";
import type { ThreadContext, ThreadEvent, ThreadPolicy } from "../../machines/thread/events.ts";
import { threadMachine } from "../../machines/thread/machine.ts";
import type { ActorEvent } from "../../runtime/store.ts";
import type { Model } from "../../runtime/model/model.ts";

/** The thread as a model: every message and command, by every role, with and without a reason. */

export type Command = Extract<ThreadEvent, { role: Role }>["type"];
export const roles: readonly Role[] = ["participant", "coordinator", "auditor", "operator"];

export function command(type: Command, role: Role, reason = "agreed"): ActorEvent {
  return { type, by: "ann", role, reason } satisfies ThreadEvent;
}

export function posted(event: Partial<Extract<ThreadEvent, { type: "message.posted" }>> = {}): ActorEvent {
  return {
    type: "message.posted",
    seq: 1,
    from: "a",
    fingerprint: "f0",
    contentFree: false,
    finding: false,
    byPerson: false,
    ...event,
  } satisfies ThreadEvent;
}

export function threadModel(policy: ThreadPolicy): Model<ThreadContext> {
  const asked = (type: Command) => roles.flatMap((role) => [command(type, role), command(type, role, " ")]);
  return {
    machine: threadMachine,
    address: "thread/t",
    input: { threadId: "t", createdBy: "a", policy },
    mail: () => ({
      "message.posted": [
        posted({ fingerprint: "f1" }),
        posted({ fingerprint: "f2", finding: true }),
        posted({ fingerprint: "f3", contentFree: true }),
        posted({ byPerson: true }),
      ],
      "block.requested": asked("block.requested"),
      "unblock.requested": asked("unblock.requested"),
      "resolve.requested": asked("resolve.requested"),
      "close.requested": asked("close.requested"),
      "reopen.requested": asked("reopen.requested"),
      // Only the chart itself raises it.
      "loop.detected": [],
    }),
    outcomes: {},
    abstraction: ({ value, context }) => [
      value,
      context.blocked?.reason ?? null,
      Math.min(context.turnsWithoutProgress, policy.maxTurnsWithoutProgress),
      Math.min(context.repeatedFindings, policy.maxRepeatedFindings),
      context.lastFinding,
      context.recentFingerprints,
    ],
  };
}

/** Small figures, so that bounds are a few steps away. */
export const modelPolicies: readonly ThreadPolicy[] = [
  { maxTurnsWithoutProgress: 3, maxRepeatedFindings: 3 },
  { maxTurnsWithoutProgress: 1, maxRepeatedFindings: 1 },
];
