import { failureOf } from "../failure.ts";
import { timeOf } from "../mail.ts";
import type { EngineRecords } from "../records.ts";
import type { RuntimeContext, TimedRuntimeEvent } from "./events.ts";
import { live, watchOutcomes } from "./live.ts";
import type { TerminalAddressRecord } from "./ports.ts";
import { adoptInput, launchInput, runtimeSetup, stopInput, watchInput } from "./setup.ts";

interface Started {
  address: TerminalAddressRecord;
  sessionId: string | null;
}
const started = ({ event }: { event: { output: Started } }) => ({ output: event.output });
const notStarted = ({ event }: { event: { error: unknown } }) => ({
  detail: `could not be started: ${failureOf(event.error).message}`,
});
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

/** What a launch and an adoption lead to. A stop that was asked for meanwhile comes first, so that no terminal is left over. */
const startOutcomes = {
  onDone: [
    {
      guard: "isStopping",
      target: "#runtime.present.lifecycle.stopping",
      actions: { type: "noteTerminal", params: started },
    },
    {
      target: "#runtime.present.lifecycle.live",
      actions: ["noteSeen", { type: "noteTerminal", params: started }],
    },
  ],
  onError: [
    { guard: "isStopping", target: "#runtime.deregistered" },
    { target: "#runtime.present.lifecycle.died", actions: { type: "noteDetail", params: notStarted } },
  ],
} as const;

const launching = runtimeSetup.createStateConfig({
  description:
    "Its terminal is being made or taken over. Leaves when the host reports success or failure, or not in time.",
  initial: "starting",
  entry: { type: "report", params: { state: "launching" } },
  on: {
    "heartbeat.received": {
      actions: ["noteSeen", "noteSession", { type: "report", params: { state: null } }],
    },
    "stop.requested": { guard: "mayStop", actions: { type: "report", params: { state: "deregistered" } } },
    "host.lost": [
      { guard: "isStopping", target: "#runtime.deregistered" },
      { target: "dead", actions: { type: "noteDetail", params: { detail: "its host is gone" } } },
    ],
  },
  after: {
    launchTimeout: [
      { guard: "isStopping", target: "#runtime.deregistered" },
      {
        target: "dead",
        actions: { type: "noteDetail", params: { detail: "its host did not start it in time" } },
      },
    ],
  },
  states: {
    starting: {
      description: "The host starts the program in a new terminal.",
      tags: "busy",
      invoke: { id: "launchTerminal", src: "launchTerminal", input: launchInput, ...startOutcomes },
    },
    adopting: {
      description: "The host takes over a pane that exists already.",
      tags: "busy",
      invoke: { id: "adoptTerminal", src: "adoptTerminal", input: adoptInput, ...startOutcomes },
    },
  },
});

const stale = runtimeSetup.createStateConfig({
  description:
    "No sign of life, or its terminal cannot be watched. Nothing is typed. Leaves by any sign of life, or expires.",
  initial: "unheard",
  entry: { type: "report", params: { state: "stale" } },
  on: {
    "heartbeat.received": { target: "live", actions: ["noteSeen", "noteSession"] },
    "terminal.observed": { guard: "holdsTerminal", target: "live", actions: "noteSeen" },
    "reconciliation.requested": { guard: "holdsTerminal", target: ".searching" },
  },
  after: {
    expireAfter: {
      target: "dead",
      actions: { type: "noteDetail", params: { detail: "no sign of life for too long" } },
    },
  },
  states: {
    unheard: {
      description: "No terminal of ours to look at: a heartbeat would revive it.",
      tags: "waiting",
      always: { guard: "holdsTerminal", target: "searching" },
    },
    searching: {
      description:
        "The host looks for the terminal by its identity; whatever it observes revives the runtime.",
      tags: "busy",
      invoke: { id: "watchTerminal", src: "watchTerminal", input: watchInput, ...watchOutcomes },
      on: { "management.changed": { guard: "mayChangeManagement", target: "unheard" } },
    },
    pausing: {
      description: "The last look failed for a passing reason. Looks again after a pause.",
      tags: "waiting",
      on: { "management.changed": { guard: "mayChangeManagement", target: "unheard" } },
      after: { searchPause: "searching" },
    },
  },
});

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
      description: "Its program is gone. Leaves by a new launch, or by a sign that it lives after all.",
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
  version: "1",
  description: "One terminal process that an agent lives in.",
  context: ({ input }) => {
    const { runtimeId, agentId, host, management, origin, sessionId, policy } = input;
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
      reported: null,
      lastSeenAt: input.now,
      deaths: [],
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
