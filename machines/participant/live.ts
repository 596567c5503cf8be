import { failureOf } from "../failure.ts";
import { participantSetup } from "./actions.ts";
import type { ParticipantContext } from "./events.ts";
import type { DeliverWakeInput, DeliverWakeOutput } from "./ports.ts";
import { requireRuntime, requireWake } from "./targets.ts";
import { triggerFailureReason } from "./wake.ts";

/** States around the agent's living terminal. */

type Done = { event: { output: DeliverWakeOutput } };
type Failed = { event: { error: unknown } };

const output = ({ event }: Done) => ({ output: event.output });
const verdict = <Verdict extends DeliverWakeOutput["verdict"]>(expected: Verdict) =>
  ({
    type: "hasVerdict",
    params: ({ event }: Done) => ({ output: event.output, verdict: expected }),
  }) as const;

function deliverInput({ context }: { context: ParticipantContext }): DeliverWakeInput {
  const { threadId, agentId, unread, policy } = context;
  const { wakeId, triggers, forced } = requireWake(context);
  const { runtimeId, host } = requireRuntime(context);
  const { quietWindowMs } = policy;
  return {
    wakeId,
    threadId,
    agentId,
    host,
    runtimeId,
    attempt: triggers + 1,
    unread,
    quietWindowMs,
    force: forced,
  };
}

export const deferred = participantSetup.createStateConfig({
  description:
    "Something stands in the way that may pass: a person, a draft, a turn, a dialog, a start, the rate limit. Looks again after a while and at every report; each reason has its bound, then another channel is taken.",
  tags: "waiting",
  after: { deferRecheck: "unread.deciding" },
  on: {
    "runtime.reported": "unread.deciding",
    "trigger.requested": { guard: "mayRequestWake", target: "unread.deciding" },
    "override.forced": {
      guard: "mayForce",
      target: "unread.deciding",
      actions: { type: "openWake", params: { forced: true } },
    },
  },
});

export const triggering = participantSetup.createStateConfig({
  description:
    "One line that points to the unread work is being typed into the living terminal, verified by the port. A pause, a change to unmanaged or the runtime's end cut it short; a silent host is given up after a bound.",
  tags: "busy",
  entry: "beginTrigger",
  always: { guard: "mustNotType", target: "unread.deciding", actions: "noteInterruption" },
  invoke: {
    id: "deliverWake",
    src: "deliverWake",
    input: deliverInput,
    onDone: [
      {
        guard: verdict("delivered"),
        target: "awaitingAck",
        actions: { type: "noteDelivery", params: { outcome: "delivered", reason: null } },
      },
      {
        guard: verdict("unconfirmed"),
        target: "awaitingAck",
        actions: { type: "noteDelivery", params: { outcome: "unconfirmed", reason: "notSubmitted" } },
      },
      {
        guard: { type: "defersTooLong", params: output },
        target: "unread.deciding",
        actions: [
          { type: "notePortDeferral", params: output },
          { type: "noteFailedTrigger", params: { reason: "deferredTooLong" } },
        ],
      },
      {
        guard: verdict("deferred"),
        target: "deferred",
        actions: { type: "notePortDeferral", params: output },
      },
      {
        target: "backoff",
        actions: {
          type: "noteFailedTrigger",
          params: ({ event }: Done) => ({
            reason: event.output.verdict === "refused" ? event.output.reason : ("portFailed" as const),
          }),
        },
      },
    ],
    onError: [
      {
        guard: { type: "isUncertain", params: ({ event }: Failed) => failureOf(event.error) },
        target: "awaitingAck",
        actions: { type: "noteDelivery", params: { outcome: "unconfirmed", reason: "outcomeUncertain" } },
      },
      {
        target: "backoff",
        actions: {
          type: "noteFailedTrigger",
          params: ({ event }: Failed) => ({ reason: triggerFailureReason(failureOf(event.error).code) }),
        },
      },
    ],
  },
  after: {
    // Nobody reported back, so bytes may have been written: wait for the ack like after any uncertain delivery.
    deliveryBound: {
      target: "awaitingAck",
      actions: { type: "noteDelivery", params: { outcome: "unconfirmed", reason: "outcomeUncertain" } },
    },
  },
});

export const awaitingAck = participantSetup.createStateConfig({
  description:
    "The line was delivered, or may have been. Left by a heartbeat or by reading. Without either the wake is tried again after the bound, and only into a terminal that is reported idle, where the port looks for a draft first: what an uncertain delivery left in the box is never pasted over. A turn that visibly runs extends the wait, with a bound.",
  tags: "waiting",
  always: { guard: "isTargetGone", target: "unread.deciding", actions: "noteDied" },
  after: {
    ackTimeout: [
      { guard: "isVisiblyWorking", target: "awaitingAck", reenter: true },
      { target: "backoff", actions: "noteUnacknowledged" },
    ],
  },
});

export const backoff = participantSetup.createStateConfig({
  description:
    "A delivery came to nothing; a pause before the next, longer each time. Skipped when this terminal's deliveries are used up.",
  tags: "waiting",
  always: { guard: "liveChannelIsUsedUp", target: "unread.deciding" },
  after: { retryBackoff: "unread.deciding" },
  on: {
    "trigger.requested": { guard: "mayRequestWake", target: "unread.deciding" },
    "override.forced": {
      guard: "mayForce",
      target: "unread.deciding",
      actions: { type: "openWake", params: { forced: true } },
    },
  },
});

export const reading = participantSetup.createStateConfig({
  description:
    "The agent is awake: it sent a heartbeat or moved its cursor, and has not read everything yet. It may read for a while; then what is left counts as unread again, at once when its terminal ends.",
  tags: "waiting",
  always: { guard: "isTargetGone", target: "unread.deciding", actions: "noteDied" },
  after: { readingTime: "unread.deciding" },
  on: {
    // More heartbeats neither extend the reading nor prove anything new.
    "heartbeat.received": {},
    "override.forced": {
      guard: "mayForce",
      target: "unread.deciding",
      actions: { type: "openWake", params: { forced: true } },
    },
  },
});
