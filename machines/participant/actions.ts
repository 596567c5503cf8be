import { assign, enqueueActions } from "xstate";
import { timeOf } from "../mail.ts";
import type { HopReason } from "../reasons.ts";
import type { EngineRecord, EngineRecords } from "../records.ts";
import { blockByCommand, blockFor } from "./block.ts";
import {
  isRateLimited,
  obstacle,
  rateDeferral,
  recentWakes,
  withDeferral,
  type Deferral,
} from "./deferral.ts";
import type { Block, ParticipantContext, TimedParticipantEvent, Wake } from "./events.ts";
import { betterSpare, withTarget } from "./facts.ts";
import { knowledgeAfter } from "./news.ts";
import * as policy from "./policy.ts";
import type { DeliverWakeOutput } from "./ports.ts";
import { unansweredRecord } from "./reply.ts";
import { participantWords } from "./setup.ts";
import * as wakes from "./wake.ts";

type Args = { context: ParticipantContext; event: TimedParticipantEvent };

/** Changes the wake under way; nothing when there is none. */
function onWake(change: (wake: Wake, args: Args) => Wake) {
  return ({ context, event }: Args): Partial<ParticipantContext> =>
    context.wake === null ? {} : { wake: change(context.wake, { context, event }) };
}

function deferralHere(context: ParticipantContext, now: number): Deferral {
  if (isRateLimited(context, now)) return rateDeferral(context, now);
  return { reason: obstacle(context) ?? "stateUnknown", recheckMs: context.policy.deferRecheckMs };
}

function deferred(wake: Wake, deferral: Deferral, now: number): Wake {
  const hop = { hop: "trigger", at: now, outcome: "deferred", reason: deferral.reason } as const;
  return wakes.withHop(withDeferral(wake, deferral, now), hop);
}

/** Counts the wake towards the rate limit at its first hop. */
function started(context: ParticipantContext, wake: Wake, now: number): Partial<ParticipantContext> {
  if (wake.startedAt !== null) return { wake };
  const counted = [...recentWakes(context, now), now].slice(-context.policy.wakesPerWindow);
  return { wake: wakes.withStart(wake, now), recentWakes: counted };
}

function interruptionOf(context: ParticipantContext): HopReason {
  if (policy.isPaused(context)) return "injectionPaused";
  return context.agent.runtime?.management === "unmanaged" ? "unmanaged" : "runtimeDied";
}

function triggerLimit({ policy: { retries } }: ParticipantContext): number {
  return retries + 1;
}

type Recorded = Extract<EngineRecord, { type: `wake.${string}` | "escalation.raised" }>;
type Enqueuing<Params> = Parameters<
  typeof enqueueActions<
    ParticipantContext,
    TimedParticipantEvent,
    Params,
    TimedParticipantEvent,
    never,
    Recorded,
    never
  >
>[0];

/** Actions that write records only when there is something to record. XState cannot infer these types by itself. */
function recording<Params>(collect: Enqueuing<Params>) {
  return enqueueActions<
    ParticipantContext,
    TimedParticipantEvent,
    Params,
    TimedParticipantEvent,
    never,
    Recorded,
    never
  >(collect);
}

type Concluding = EngineRecords["wake.closed"]["outcome"];

/** What the chart does to its context, and the records it writes; the files that name states are written in it. */
export const participantSetup = participantWords.extend({
  actions: {
    takeNote: assign(({ context, event }) => knowledgeAfter(context, event)),
    openWake: recording(({ context, event, enqueue }, { forced }: { forced: boolean }) => {
      if (context.wake !== null) {
        if (forced) enqueue.assign({ wake: { ...context.wake, forced } });
        return;
      }
      const wake = wakes.openWake(context, { at: timeOf(event), forced });
      enqueue.assign({ wake, wakeCount: context.wakeCount + 1 });
      enqueue({ type: "wake.opened", params: wakes.openedRecord(context, wake) });
    }),
    acknowledge: recording(
      ({ context: { wake }, event, enqueue }, { by }: { by: "heartbeat" | "cursor" }) => {
        if (wake === null || wake.acknowledgedAt !== null) return;
        const at = timeOf(event);
        enqueue.assign({ wake: { ...wake, acknowledgedAt: at } });
        enqueue({ type: "wake.acknowledged", params: { wakeId: wake.wakeId, by, at } });
      },
    ),
    closeWake: recording(({ context: { wake }, event, enqueue }, { outcome }: { outcome: Concluding }) => {
      if (wake === null) return;
      enqueue.assign({ wake: null });
      const params = { wakeId: wake.wakeId, outcome, reason: null, at: timeOf(event) };
      enqueue({ type: "wake.closed", params });
    }),
    block: recording(({ context, event, enqueue }) => {
      const { wake, threadId, agentId } = context;
      const at = timeOf(event);
      const blocked: Block =
        event.type === "block.requested" ? blockByCommand(at, event.reason) : blockFor(context, at);
      const { reason, detail } = blocked;
      enqueue.assign({ blocked, wake: null });
      if (wake !== null) {
        enqueue({ type: "wake.closed", params: { wakeId: wake.wakeId, outcome: "blocked", reason, at } });
      }
      // A blocked thread has raised its own escalation: one for all participants.
      if (!blocked.byThread)
        enqueue({ type: "escalation.raised", params: { threadId, agentId, reason, detail, at } });
    }),
    takeBetterRuntime: assign(({ context: { agent, wake } }) => {
      const better = betterSpare(agent);
      if (better === null) return {};
      return { agent: withTarget(agent, better), wake: wake === null ? null : wakes.withNewTarget(wake) };
    }),
    raiseUnanswered: recording(({ context, event, enqueue }) => {
      enqueue({ type: "escalation.raised", params: unansweredRecord(context, timeOf(event)) });
    }),
    clearBlock: assign({ blocked: null }),
    forgetWaiting: assign(onWake((wake) => wakes.withoutWaiting(wake))),
    noteProgress: assign(onWake((wake) => wakes.withProgress(wake))),
    noteUnacknowledged: assign(onWake((wake) => wakes.withReason(wake, "notAcknowledged"))),
    noteDied: assign(onWake((wake) => wakes.withReason(wake, "runtimeDied"))),
    noteDeferral: assign(
      onWake((wake, { context, event }) =>
        deferred(wake, deferralHere(context, timeOf(event)), timeOf(event)),
      ),
    ),
    notePortDeferral: assign(({ context, event }, { output }: { output: DeliverWakeOutput }) => {
      if (context.wake === null || output.verdict !== "deferred") return {};
      const { reason, retryAfterMs } = output;
      // The port names the moment it expects to be free, but the bound is the chart's.
      const recheckMs = Math.min(
        Math.max(1, retryAfterMs ?? context.policy.deferRecheckMs),
        context.policy.deferMaxMs,
      );
      return { wake: deferred(context.wake, { reason, recheckMs }, timeOf(event)) };
    }),
    beginTrigger: assign(({ context, event }) => {
      const { wake, agent } = context;
      return wake === null
        ? {}
        : started(context, { ...wake, runtimeId: agent.runtime?.runtimeId ?? null }, timeOf(event));
    }),
    beginResume: assign(({ context, event }) => beginStart(context, "resume", timeOf(event))),
    beginSpawn: assign(({ context, event }) => beginStart(context, "spawn", timeOf(event))),
    noteDelivery: assign(
      (
        { context, event },
        { outcome, reason }: { outcome: "delivered" | "unconfirmed"; reason: HopReason | null },
      ): Partial<ParticipantContext> =>
        onWake((wake) => wakes.withDelivery(wake, { at: timeOf(event), outcome, reason }))({
          context,
          event,
        }),
    ),
    noteFailedTrigger: assign(({ context, event }, { reason }: { reason: HopReason }) =>
      onWake((wake) => wakes.withFailedTrigger(wake, { at: timeOf(event), reason }, triggerLimit(context)))({
        context,
        event,
      }),
    ),
    noteInterruption: assign(
      onWake((wake, { context, event }) => {
        const failure = { at: timeOf(event), reason: interruptionOf(context) };
        return wakes.withInterruption(wake, failure, triggerLimit(context));
      }),
    ),
    noteStarted: assign(
      (
        { context, event },
        started: { hop: "resume" | "spawn"; runtimeId: string },
      ): Partial<ParticipantContext> =>
        onWake((wake) => wakes.withStarted(wake, { ...started, at: timeOf(event) }))({ context, event }),
    ),
    noteFailedResume: assign(({ context, event }, { reason }: { reason: HopReason }) =>
      onWake((wake) => wakes.withFailedResume(wake, { at: timeOf(event), reason }, context.policy.resumes))({
        context,
        event,
      }),
    ),
    noteFailedSpawn: assign(({ context, event }, { reason }: { reason: HopReason }) =>
      onWake((wake) => wakes.withFailedSpawn(wake, { at: timeOf(event), reason }, context.policy.spawns))({
        context,
        event,
      }),
    ),
  },
});

function beginStart(
  context: ParticipantContext,
  hop: "resume" | "spawn",
  now: number,
): Partial<ParticipantContext> {
  if (context.wake === null) return {};
  const counted =
    hop === "resume"
      ? { ...context.wake, resumes: context.wake.resumes + 1 }
      : { ...context.wake, spawns: context.wake.spawns + 1 };
  const runtimeId = wakes.runtimeIdFor({ ...context, wake: counted }, hop);
  return started(context, { ...counted, runtimeId }, now);
}
