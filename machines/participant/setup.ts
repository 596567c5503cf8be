import { setup } from "xstate";
import { timeOf } from "../mail.ts";
import type { EngineRecords } from "../records.ts";
import { delays } from "./delays.ts";
import type { ParticipantContext, ParticipantInput, TimedParticipantEvent } from "./events.ts";
import { betterSpare } from "./facts.ts";
import * as guards from "./guards.ts";
import * as policy from "./policy.ts";
import { isReplyDue } from "./reply.ts";
import { deliverWake, resumeSession, spawnSession, type DeliverWakeOutput } from "./ports.ts";

/** Types, ports, waits, guards and records of the chart. */
export const participantWords = setup({
  types: {
    context: {} as ParticipantContext,
    input: {} as ParticipantInput,
    events: {} as TimedParticipantEvent,
    tags: {} as "waiting" | "busy" | "stuck",
    children: {} as {
      deliverWake: "deliverWake";
      resumeSession: "resumeSession";
      spawnSession: "spawnSession";
    },
  },
  actors: {
    deliverWake: deliverWake.logic,
    resumeSession: resumeSession.logic,
    spawnSession: spawnSession.logic,
  },
  delays,
  guards: {
    hasUnread: ({ context }) => context.unread > 0,
    hasUnreadWhileDormant: ({ context, event }) =>
      context.unread > 0 && policy.isDormant(context, timeOf(event)),
    isAtRest: ({ context }) => policy.isAtRest(context),
    isHeld: ({ context }) => policy.isHeld(context),
    isReleased: ({ context }) => !policy.isHeld(context),
    hasBetterRuntime: ({ context }) => betterSpare(context.agent) !== null,
    hasNoWake: ({ context }) => context.wake === null,
    mustBlock: ({ context, event }) => policy.mustBlock(context, timeOf(event)),
    mustDefer: ({ context, event }) => policy.mustDefer(context, timeOf(event)),
    mayTrigger: ({ context }) => policy.mayTrigger(context),
    mayResume: ({ context, event }) => policy.mayResume(context, timeOf(event)),
    maySpawn: ({ context }) => policy.maySpawn(context),
    mustNotType: ({ context }) => policy.mustNotType(context),
    isTargetGone: ({ context }) => policy.isTargetGone(context),
    isVisiblyWorking: ({ context, event }) => policy.isVisiblyWorking(context, timeOf(event)),
    liveChannelIsUsedUp: ({ context }) => policy.liveChannelIsUsedUp(context),
    readsToHead: (args) => guards.readsToHead(args),
    readsFurther: (args) => guards.readsFurther(args),
    provesAwake: (args) => guards.provesAwake(args),
    fulfilsRequest: (args) => guards.fulfilsRequest(args),
    isWakeWithdrawn: ({ context }) => context.wake !== null && context.threadStatus === "closed",
    isWakeOvertaken: ({ context }) => guards.isWakeOvertaken(context),
    mayRequestWake: (args) => guards.mayRequestWake(args),
    mayForce: (args) => guards.mayForce(args),
    mayBlock: (args) => guards.mayBlock(args),
    mayUnblock: (args) => guards.mayBlock(args),
    mayPause: (args) => guards.mayPause(args),
    liftsBlock: (args) => guards.liftsBlock(args),
    isThreadOpenAgain: ({ context }) =>
      context.blocked?.byThread === true && context.threadStatus !== "blocked",
    isThreadClosed: ({ context }) => context.threadStatus === "closed",
    wakesAtReset: ({ context }) =>
      context.policy.wakeAtLimitReset && (context.blocked?.until ?? null) !== null,
    hasVerdict: (_, { output, verdict }: { output: DeliverWakeOutput; verdict: string }) =>
      output.verdict === verdict,
    defersTooLong: ({ context, event }, { output }: { output: DeliverWakeOutput }) =>
      guards.defersTooLong(context, output, timeOf(event)),
    isUncertain: (_, { code }: { code: string }) => code === "effect_uncertain" || code === "effect_timeout",
    isStarted: (_, { verdict }: { verdict: string }) => verdict === "started",
    isPausedAnywhere: ({ context }) => context.pausedBy.length > 0,
    isPausedNowhere: ({ context }) => context.pausedBy.length === 0,
    reportsWork: ({ event }) => guards.presenceReported(event) === "active",
    reportsIdle: ({ event }) => guards.presenceReported(event) === "idle",
    reportsEnd: ({ event }) => guards.presenceReported(event) === "offline",
    owesReply: ({ context }) => isReplyDue(context),
    owesNoReply: ({ context }) => !isReplyDue(context),
    isAtWork: ({ context }) => context.agent.runtime?.state === "busy",
    isRuntimeIdle: ({ context }) => context.agent.runtime?.state === "idle",
  },
  actions: {
    "wake.opened": (_, _params: EngineRecords["wake.opened"]) => {},
    "wake.acknowledged": (_, _params: EngineRecords["wake.acknowledged"]) => {},
    "wake.closed": (_, _params: EngineRecords["wake.closed"]) => {},
    "escalation.raised": (_, _params: EngineRecords["escalation.raised"]) => {},
  },
});
