import { failureOf } from "../failure.ts";
import { timeOf } from "../mail.ts";
import type { EngineRecords } from "../records.ts";
import type { RuntimeContext, TimedRuntimeEvent } from "./events.ts";
import { launching } from "./launching.ts";
import { live } from "./live.ts";
import { runtimeSetup, stopInput } from "./setup.ts";
import { stale } from "./stale.ts";

const notStopped = ({ event }: { event: { error: unknown } }) => ({
  detail: `its terminal could not be removed: ${failureOf(event.error).message}`,
});

function crashLoop(args: {
  context: RuntimeContext;
  event: TimedRuntimeEvent;
}): EngineRecords["escalation.raised"] {
  const { agentId, runtimeId, deaths, detail } = args.context;
  return {
    threadId: null,
    agentId,
    reason: "crashLooping",
    detail: `runtime ${runtimeId} died ${deaths.length} times in a row; last: ${detail ?? "unknown"}`,
    at: timeOf(args.event),
  };
}

const lifecycle = runtimeSetup.createStateConfig({
  description: "From registration to the end of the program, and back when it is launched again.",
  initial: "registering",
  on: {
    "stop.requested": [
      { guard: "mayStopTerminal", target: ".stopping" },
      { guard: "mayStop", target: "#runtime.deregistered" },
    ],
  },
  states: {
    registering: {
      description: "Decides by its origin how it comes to life.",
      always: [
        { guard: "isAttached", target: "live" },
        { guard: "mayLaunch", target: "launching" },
        { guard: "mayAdopt", target: "launching.adopting" },
        { target: "registered" },
      ],
    },
    registered: {
      description:
        "Known, but unmanaged: nothing may be started. Leaves by a heartbeat, or when it becomes managed.",
      tags: "waiting",
      entry: { type: "report", params: { state: "registered" } },
      on: {
        "heartbeat.received": { target: "live", actions: ["noteSeen", "noteSession"] },
        "management.changed": [
          { guard: "mayBecomeManagedAndLaunch", target: "launching" },
          { guard: "mayBecomeManagedAndAdopt", target: "launching.adopting" },
        ],
      },
    },
    launching,
    live,
    stale,
    died: {
      description: "The program just ended; counts whether that happens too often.",
      entry: "noteDeath",
      always: [{ guard: "isCrashLooping", target: "crashLooping" }, { target: "dead" }],
    },
    dead: {
      description:
        "Its program is gone. Leaves by a new launch, by a sign that it lives after all, or for good when nobody asks for it any more.",
      tags: "waiting",
      entry: { type: "report", params: { state: "dead" } },
      on: {
        "launch.requested": { guard: "mayRelaunch", target: "launching", actions: "notePlan" },
        "heartbeat.received": [
          { guard: "isUnmanaged", target: "live", actions: ["noteSeen", "noteSession"] },
          { guard: "holdsTerminal", target: "stale.searching", actions: ["noteSeen", "noteSession"] },
        ],
        "reconciliation.requested": { guard: "holdsTerminal", target: "stale.searching" },
      },
      after: { forgetAfter: "#runtime.deregistered" },
    },
    crashLooping: {
      description:
        "It died too often within the window: launching it again would waste money. Leaves when the window is over, or by a forced launch.",
      tags: "stuck",
      entry: [
        { type: "report", params: { state: "crashLooping" } },
        { type: "escalation.raised", params: crashLoop },
      ],
      on: {
        "launch.requested": {
          guard: "mayForceLaunch",
          target: "launching",
          actions: ["forgetDeaths", "notePlan"],
        },
      },
      after: { crashLoopWindow: { target: "dead", actions: "forgetDeaths" } },
    },
    stopping: {
      description:
        "Its program is being ended and its terminal removed. Leaves when the host is done, or not in time.",
      tags: "busy",
      entry: { type: "report", params: { state: "deregistered" } },
      invoke: {
        id: "stopTerminal",
        src: "stopTerminal",
        input: stopInput,
        onDone: "#runtime.deregistered",
        onError: { target: "#runtime.deregistered", actions: { type: "noteDetail", params: notStopped } },
      },
      after: {
        stopTimeout: {
          target: "#runtime.deregistered",
          actions: { type: "noteDetail", params: { detail: "its host did not remove its terminal in time" } },
        },
      },
    },
  },
});

export const runtimeMachine = runtimeSetup.createMachine({
  id: "runtime",
  version: "2",
  description: "One terminal process that an agent lives in.",
  context: ({ input }) => {
    const { runtimeId, agentId, host, management, origin, sessionId, policy, deaths = [] } = input;
    return {
      runtimeId,
      agentId,
      host,
      management,
      origin,
      sessionId,
      policy,
      backend: origin.type === "launch" ? origin.backend : origin.type === "adopt" ? "tmux" : null,
      injection: "open",
      address: null,
      observation: { activity: "unknown" },
      answer: null,
      reported: null,
      lastSeenAt: input.now,
      deaths: [...deaths],
      detail: null,
    };
  },
  initial: "present",
  states: {
    present: {
      description: "The runtime is on the books.",
      type: "parallel",
      states: {
        lifecycle,
        injection: {
          description: "Whether anything may be typed into it: the red switch.",
          initial: "open",
          states: {
            open: {
              description: "Wakes may be typed. A coordinator or a person may pause them.",
              entry: { type: "report", params: { state: null } },
              on: {
                "injection.paused": { guard: "hasAuthority", target: "paused", actions: "setInjection" },
              },
            },
            paused: {
              description: "Nothing is typed. A coordinator or a person resumes.",
              entry: { type: "report", params: { state: null } },
              on: { "injection.resumed": { guard: "hasAuthority", target: "open", actions: "setInjection" } },
            },
          },
        },
        management: {
          description: "Whether its terminal is ours to touch.",
          initial: "managed",
          states: {
            managed: {
              description:
                "We started or adopted its terminal. Leaves by an order of a coordinator or a person.",
              entry: { type: "report", params: { state: null } },
              always: { guard: "isUnmanaged", target: "unmanaged" },
              on: {
                "management.changed": {
                  guard: "mayChangeManagement",
                  target: "unmanaged",
                  actions: "setManagement",
                },
              },
            },
            unmanaged: {
              description:
                "Somebody else runs it: it is never started, watched, typed into or ended by us. Leaves by an order, if we know its terminal.",
              entry: { type: "report", params: { state: null } },
              on: {
                "management.changed": {
                  guard: "mayChangeManagement",
                  target: "managed",
                  actions: "setManagement",
                },
              },
            },
          },
        },
      },
    },
    deregistered: {
      description: "Off the books, for good.",
      type: "final",
      entry: { type: "report", params: { state: "deregistered" } },
    },
  },
});
