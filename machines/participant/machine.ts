import { awaitingAck, backoff, deferred, reading, triggering } from "./live.ts";
import { participantSetup } from "./actions.ts";
import { blocked } from "./blocked.ts";
import { awaitingStart, resuming, spawning } from "./starts.ts";
import { unread } from "./unread.ts";

const presence = participantSetup.createStateConfig({
  description: "What is known of the agent itself: from its heartbeats and from its runtime's reports.",
  initial: "unknown",
  on: {
    "heartbeat.received": ".active",
    "runtime.reported": [
      { guard: "reportsWork", target: ".active" },
      { guard: "reportsIdle", target: ".idle" },
      { guard: "reportsEnd", target: ".offline" },
      { target: ".unknown" },
    ],
  },
  states: {
    unknown: {
      description:
        "Nothing recent was heard, or its terminal is not understood. A heartbeat or a report tells.",
    },
    active: {
      description: "It sent a heartbeat or was seen at work a moment ago; without news that fades.",
      after: {
        presenceFresh: [
          { guard: "isAtWork", target: "active", reenter: true },
          { guard: "isRuntimeIdle", target: "idle" },
          { target: "unknown" },
        ],
      },
    },
    idle: { description: "Its runtime waits for input." },
    offline: {
      description: "Its runtime is silent or has ended. A heartbeat or a new runtime changes that.",
    },
  },
});

const control = participantSetup.createStateConfig({
  description: "The switch that people hold: injection for this agent or for the whole workspace.",
  initial: "running",
  on: {
    "injection.paused": { guard: "mayPause", actions: "takeNote" },
    "injection.resumed": { guard: "mayPause", actions: "takeNote" },
  },
  states: {
    running: {
      description: "Wakes may happen.",
      always: { guard: "isPausedAnywhere", target: "paused" },
    },
    paused: {
      description: "Nobody is woken. Left when every scope that was paused is resumed.",
      always: { guard: "isPausedNowhere", target: "running" },
    },
  },
});

const reply = participantSetup.createStateConfig({
  description: "Whether somebody who asked this agent by name still waits for a word of it.",
  initial: "settled",
  states: {
    settled: {
      description: "No read message waits for a reply.",
      always: { guard: "owesReply", target: "due" },
    },
    due: {
      description:
        "A message that wants a reply was read and has none. Left by any message of this agent, when the thread is no longer active, or after the bound.",
      tags: "waiting",
      always: { guard: "owesNoReply", target: "settled" },
      after: { replyBound: { target: "overdue", actions: "raiseUnanswered" } },
    },
    overdue: {
      description:
        "The bound passed without a reply: a person was told, once, and nobody is woken for it. Left by any message of this agent, or when the thread is no longer active.",
      tags: "stuck",
      always: { guard: "owesNoReply", target: "settled" },
    },
  },
});

/**
 * A region of its own, because XState drops a parallel parent's transition when any region handles the event.
 * Transitions of all regions run before states are entered and before `always`, so those see the news.
 */
const knowledge = participantSetup.createStateConfig({
  description: "Notes every fact the mail brings, whatever state the other regions are in.",
  on: {
    "message.posted": { actions: "takeNote" },
    "reply.posted": { actions: "takeNote" },
    "ack.received": { actions: "takeNote" },
    "heartbeat.received": { actions: "takeNote" },
    "state.reconciled": { actions: "takeNote" },
    "runtime.reported": { actions: "takeNote" },
    "agent.reported": { actions: "takeNote" },
    "thread.reported": { actions: "takeNote" },
  },
});

/** Cursor progress, told by the ack itself or by reconciliation. */
const progress = [
  {
    guard: "readsToHead",
    target: ".caughtUp",
    actions: [
      { type: "acknowledge", params: { by: "cursor" } },
      { type: "closeWake", params: { outcome: "read" } },
    ],
  },
  {
    guard: "readsFurther",
    target: ".reading",
    actions: [{ type: "acknowledge", params: { by: "cursor" } }, "noteProgress"],
  },
] as const;

const attention = participantSetup.createStateConfig({
  description: "The way from unread work to read work.",
  initial: "caughtUp",
  always: [
    {
      guard: "isWakeWithdrawn",
      target: ".unread.deciding",
      actions: { type: "closeWake", params: { outcome: "withdrawn" } },
    },
    { guard: "isWakeOvertaken", target: ".blocked", actions: "block" },
  ],
  on: {
    "ack.received": progress,
    "state.reconciled": progress,
    "heartbeat.received": [
      {
        guard: "fulfilsRequest",
        target: ".caughtUp",
        actions: [
          { type: "acknowledge", params: { by: "heartbeat" } },
          { type: "closeWake", params: { outcome: "read" } },
        ],
      },
      {
        guard: "provesAwake",
        target: ".reading",
        actions: { type: "acknowledge", params: { by: "heartbeat" } },
      },
    ],
    "block.requested": { guard: "mayBlock", target: ".blocked", actions: "block" },
    "override.forced": { guard: "mayForce", actions: { type: "openWake", params: { forced: true } } },
  },
  states: {
    caughtUp: {
      description:
        "Nothing is unread and no wake is under way. A new message, reconciliation, a trigger or an override begins one.",
      always: [
        { guard: "hasUnreadWhileDormant", target: "unread.deciding" },
        { guard: "hasUnread", target: "unread" },
      ],
      on: {
        "trigger.requested": {
          guard: "mayRequestWake",
          target: "unread.deciding",
          actions: { type: "openWake", params: { forced: false } },
        },
        "override.forced": {
          guard: "mayForce",
          target: "unread.deciding",
          actions: { type: "openWake", params: { forced: true } },
        },
      },
    },
    unread,
    deferred,
    triggering,
    backoff,
    awaitingAck,
    reading,
    resuming,
    spawning,
    awaitingStart,
    blocked,
  },
});

/** One agent in one thread: knows its unread work and sees that the agent is woken, exactly once, by the best channel. */
export const participantMachine = participantSetup.createMachine({
  id: "participant",
  version: "2",
  description: "An agent's membership of one thread.",
  type: "parallel",
  context: ({ input }) => ({
    threadId: input.threadId,
    agentId: input.agentId,
    policy: input.policy,
    agent: input.agent,
    threadStatus: input.threadStatus,
    headSeq: 0,
    lastReadSeq: 0,
    unread: 0,
    wakeCount: 0,
    wake: null,
    recentWakes: [],
    blocked: null,
    threadBlock: null,
    pausedBy: input.pausedBy,
    owed: null,
  }),
  states: { attention, presence, control, reply, knowledge },
});
