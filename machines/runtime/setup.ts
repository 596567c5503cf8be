import { assign, emit, enqueueActions, setup } from "xstate";
import { hasAuthority } from "../authority.ts";
import { answerAsked, settled, type AnswerEnd } from "./answer.ts";
import { timeOf, topics, type Published } from "../mail.ts";
import type { ParticipantEvent } from "../participant/events.ts";
import type { EngineRecords } from "../records.ts";
import type { Activity, DialogKind, RuntimeState } from "./contract.ts";
import type { RuntimeContext, RuntimeInput, TimedRuntimeEvent } from "./events.ts";
import { factsOf, sameFacts } from "./facts.ts";
import * as guards from "./guards.ts";
import {
  adoptTerminal,
  answerPrompt,
  launchTerminal,
  stopTerminal,
  watchTerminal,
  type TerminalAddressRecord,
} from "./ports.ts";

type RuntimeReported = Extract<ParticipantEvent, { type: "runtime.reported" }> & Published;

/** Between two looks for a terminal that could not be watched. */
const searchPauseMs = 5_000;

/** Longer than the host may take: a silent one never holds the runtime. */
const answerBoundMs = 60_000;

/** The vocabulary of the chart; `machine.ts` and `live.ts` are written in it. */
export const runtimeSetup = setup({
  types: {
    context: {} as RuntimeContext,
    input: {} as RuntimeInput,
    events: {} as TimedRuntimeEvent,
    emitted: {} as RuntimeReported,
    tags: {} as "waiting" | "busy" | "stuck",
    children: {} as {
      launchTerminal: "launchTerminal";
      adoptTerminal: "adoptTerminal";
      watchTerminal: "watchTerminal";
      stopTerminal: "stopTerminal";
      answerPrompt: "answerPrompt";
    },
  },
  actors: {
    launchTerminal: launchTerminal.logic,
    adoptTerminal: adoptTerminal.logic,
    watchTerminal: watchTerminal.logic,
    stopTerminal: stopTerminal.logic,
    answerPrompt: answerPrompt.logic,
  },
  delays: {
    staleAfter: ({ context }) => context.policy.staleAfterMs,
    expireAfter: ({ context }) => context.policy.expireAfterMs,
    forgetAfter: ({ context }) => context.policy.forgetAfterMs,
    /** A host that takes up neither a launch nor a stop in time counts as silent. */
    launchTimeout: ({ context }) => context.policy.staleAfterMs,
    stopTimeout: ({ context }) => context.policy.expireAfterMs,
    crashLoopWindow: ({ context }) => context.policy.crashLoopWindowMs,
    searchPause: searchPauseMs,
    answerBound: answerBoundMs,
  },
  guards: {
    hasAuthority: ({ event }) => hasAuthority(event),
    isUnmanaged: ({ context }) => context.management === "unmanaged",
    isAttached: ({ context }) => context.origin.type === "attach",
    holdsTerminal: ({ context }) => guards.holdsTerminal(context),
    mayLaunch: ({ context }) => guards.mayTouchTerminal(context) && context.origin.type === "launch",
    mayAdopt: ({ context }) => guards.mayTouchTerminal(context) && context.origin.type === "adopt",
    mayRelaunch: ({ context }) => guards.mayTouchTerminal(context),
    mayForceLaunch: ({ context, event }) =>
      guards.mayTouchTerminal(context) && event.type === "launch.requested" && event.forced === true,
    mayChangeManagement: ({ context, event }) =>
      event.type === "management.changed" && guards.mayChangeManagement(context, event),
    mayBecomeManagedAndLaunch: ({ context, event }) =>
      event.type === "management.changed" &&
      guards.mayChangeManagement(context, event) &&
      context.origin.type === "launch",
    mayBecomeManagedAndAdopt: ({ context, event }) =>
      event.type === "management.changed" &&
      guards.mayChangeManagement(context, event) &&
      context.origin.type === "adopt",
    mayStop: ({ context, event }) => event.type === "stop.requested" && guards.mayStop(context, event),
    mayStopTerminal: ({ context, event }) =>
      event.type === "stop.requested" && guards.mayStop(context, event) && guards.holdsTerminal(context),
    mayAnswer: ({ context, event }) => event.type === "answer.requested" && guards.mayAnswer(context, event),
    isStopping: ({ context }) => guards.isStopping(context),
    isCrashLooping: ({ context }) => context.deaths.length >= context.policy.crashLoopDeaths,
    observes: ({ context, event }, seen: { activity: Activity; dialog?: DialogKind }) =>
      event.type === "terminal.observed" &&
      guards.holdsTerminal(context) &&
      event.observation.activity === seen.activity &&
      (seen.dialog === undefined || event.observation.dialog === seen.dialog),
    provesGone: (_, { code }: { code: string }) => guards.provesGone(code),
  },
  actions: {
    "escalation.raised": (_, _params: EngineRecords["escalation.raised"]) => {},
    /** Publishes where the runtime stands, unless that was said already. `state: null`: unchanged. */
    report: enqueueActions(({ context, enqueue }, { state }: { state: RuntimeState | null }) => {
      const standing = state ?? context.reported?.state;
      if (standing === undefined) return;
      const facts = factsOf(context, standing);
      if (context.reported !== null && sameFacts(facts, context.reported)) return;
      enqueue.assign({ reported: facts });
      enqueue(emit({ type: "runtime.reported", topic: topics.agent(facts.agentId), runtime: facts }));
    }),
    noteSeen: assign({ lastSeenAt: ({ event }) => timeOf(event) }),
    noteObservation: assign(({ event }) =>
      event.type === "terminal.observed" ? { observation: event.observation } : {},
    ),
    forgetObservation: assign({ observation: { activity: "unknown" } }),
    noteSession: assign(({ event }) =>
      event.type === "heartbeat.received" && event.sessionId !== null ? { sessionId: event.sessionId } : {},
    ),
    noteTerminal: assign(
      (
        { context },
        { output }: { output: { address: TerminalAddressRecord; sessionId: string | null } },
      ): Partial<RuntimeContext> => ({
        address: output.address,
        backend: output.address.backend,
        sessionId: output.sessionId ?? context.sessionId,
      }),
    ),
    notePlan: assign(({ context, event }) =>
      event.type === "launch.requested" && context.backend !== null
        ? { origin: { type: "launch" as const, backend: context.backend, plan: event.plan } }
        : {},
    ),
    noteDetail: assign({ detail: (_, { detail }: { detail: string }) => detail }),
    noteDeath: assign({
      deaths: ({ context, event }) => guards.recentDeaths(context.deaths, context.policy, timeOf(event)),
      address: null,
    }),
    forgetDeaths: assign({ deaths: [] }),
    noteAnswer: assign(({ context, event }) =>
      event.type === "answer.requested" ? { answer: answerAsked(context, event) } : {},
    ),
    noteAnswerEnd: assign(({ context, event }, end: AnswerEnd) => ({
      answer: settled(context.answer, end, timeOf(event)),
    })),
    setInjection: assign(({ event }) => ({
      injection: event.type === "injection.paused" ? "paused" : "open",
    })),
    setManagement: assign(({ event }) =>
      event.type === "management.changed" ? { management: event.management } : {},
    ),
  },
});

type Context = { context: RuntimeContext };

function place({ runtimeId, agentId, host }: RuntimeContext) {
  return { runtimeId, agentId, host };
}

export function launchInput({ context }: Context) {
  const { origin } = context;
  if (origin.type !== "launch") throw new Error(`a runtime of origin ${origin.type} has no launch plan`);
  return { ...place(context), backend: origin.backend, ...origin.plan };
}

export function adoptInput({ context }: Context) {
  const { origin } = context;
  if (origin.type !== "adopt") throw new Error(`a runtime of origin ${origin.type} has no pane to adopt`);
  return { ...place(context), server: origin.server, target: origin.target };
}

export function watchInput({ context }: Context) {
  return { ...place(context), address: requireAddress(context), sessionId: context.sessionId };
}

export function stopInput({ context }: Context) {
  return { ...place(context), address: requireAddress(context) };
}

function requireAddress({ runtimeId, address }: RuntimeContext): TerminalAddressRecord {
  if (address === null) throw new Error(`runtime ${runtimeId} holds no terminal`);
  return address;
}
