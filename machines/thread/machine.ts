import { assign, emit, raise, setup } from "xstate";
import { hasAuthority, hasAuthorityAndReason, isMember } from "../authority.ts";
import { timeOf, topics, type Published } from "../mail.ts";
import type { ThreadStatus } from "../participant/contract.ts";
import type { ParticipantEvent } from "../participant/events.ts";
import type { EngineRecords } from "../records.ts";
import type { ThreadContext, ThreadInput, TimedThreadEvent } from "./events.ts";
import { countTurn, loopDetail, loopReason, noRepetition, paceOf, type Pace } from "./loop.ts";

type ThreadReported = Extract<ParticipantEvent, { type: "thread.reported" }> & Published;
type Args = { context: ThreadContext; event: TimedThreadEvent };

/** What stands in `lastChange` when nobody asked for the change. */
function changeBy({ context, event }: Args): { by: string; reason: string } {
  return "by" in event
    ? { by: event.by, reason: event.reason }
    : { by: `thread/${context.threadId}`, reason: context.blocked?.detail ?? event.type };
}

function statusChanged({ context }: { context: ThreadContext }): EngineRecords["thread.statusChanged"] {
  const { threadId, lastChange } = context;
  if (lastChange === null) throw new Error("no change of status to record");
  return { threadId, ...lastChange };
}

function escalation({ context }: { context: ThreadContext }): EngineRecords["escalation.raised"] {
  const { threadId, blocked } = context;
  if (blocked === null) throw new Error("nothing blocks the thread");
  return { threadId, agentId: null, ...blocked };
}

/** A function, because XState's types want the exact literal of each action. */
const changed = <Status extends ThreadStatus>(status: Status) =>
  [
    { type: "noteChange", params: { status } },
    { type: "thread.statusChanged", params: statusChanged },
    { type: "report", params: { status } },
  ] as const;

const paces = {
  moving: { guard: { type: "hasPace", params: { pace: "moving" } }, target: "moving" },
  stalling: { guard: { type: "hasPace", params: { pace: "stalling" } }, target: "stalling" },
  looping: { guard: { type: "hasPace", params: { pace: "looping" } }, target: "looping" },
} as const;

export const threadMachine = setup({
  types: {
    context: {} as ThreadContext,
    input: {} as ThreadInput,
    events: {} as TimedThreadEvent,
    emitted: {} as ThreadReported,
    tags: {} as "waiting" | "stuck",
  },
  guards: {
    isMember: ({ event }) => isMember(event),
    hasAuthority: ({ event }) => hasAuthority(event),
    hasAuthorityAndReason: ({ event }) => hasAuthorityAndReason(event),
    hasPace: ({ context }, { pace }: { pace: Pace }) => paceOf(context) === pace,
  },
  actions: {
    "thread.statusChanged": (_, _params: EngineRecords["thread.statusChanged"]) => {},
    "escalation.raised": (_, _params: EngineRecords["escalation.raised"]) => {},
    noteChange: assign({
      lastChange: ({ context, event }, { status }: { status: ThreadStatus }) => ({
        status,
        ...changeBy({ context, event }),
        at: timeOf(event),
      }),
    }),
    report: emit(({ context }, { status }: { status: ThreadStatus }): ThreadReported => ({
      type: "thread.reported",
      topic: topics.thread(context.threadId),
      status,
      reason: context.blocked?.reason ?? null,
    })),
    noteRequestedBlock: assign({
      blocked: ({ event }) => ({
        reason: "operator" as const,
        detail: event.type === "block.requested" ? event.reason : event.type,
        at: timeOf(event),
      }),
    }),
    noteLoop: assign({
      blocked: ({ context, event }) => ({
        reason: loopReason(context) ?? ("loopNoProgress" as const),
        detail: loopDetail(context),
        at: timeOf(event),
      }),
    }),
    clearBlock: assign({ blocked: null }),
    countTurn: assign(({ context, event }) =>
      event.type === "message.posted" ? countTurn(context, event) : {},
    ),
    resetProgress: assign(noRepetition),
    raiseLoop: raise(({ context, event }) => ({
      type: "loop.detected" as const,
      reason: loopReason(context) ?? ("loopNoProgress" as const),
      now: timeOf(event),
    })),
  },
}).createMachine({
  id: "thread",
  version: "1",
  description: "An ordered conversation: who may still work in it, and whether it gets anywhere.",
  context: ({ input: { threadId, createdBy, policy } }) => ({
    threadId,
    createdBy,
    policy,
    ...noRepetition,
    blocked: null,
    lastChange: null,
  }),
  type: "parallel",
  states: {
    status: {
      description: "Whether the conversation is open. A request that no transition allows is refused.",
      initial: "active",
      states: {
        active: {
          description:
            "Work goes on and unread messages wake their readers. Any member may resolve or block it; a coordinator or a person may close it.",
          tags: "waiting",
          on: {
            "block.requested": {
              guard: "isMember",
              target: "blocked",
              actions: ["noteRequestedBlock", ...changed("blocked")],
            },
            "loop.detected": { target: "blocked", actions: ["noteLoop", ...changed("blocked")] },
            "resolve.requested": { guard: "isMember", target: "resolved", actions: changed("resolved") },
            "close.requested": { guard: "hasAuthority", target: "closed", actions: changed("closed") },
          },
        },
        blocked: {
          description:
            "Disputed or going in circles: somebody with authority must look. A coordinator or a person unblocks, resolves or closes it, with a reason.",
          tags: "stuck",
          entry: { type: "escalation.raised", params: escalation },
          on: {
            "unblock.requested": {
              guard: "hasAuthorityAndReason",
              target: "active",
              actions: ["clearBlock", "resetProgress", ...changed("active")],
            },
            "resolve.requested": {
              guard: "hasAuthorityAndReason",
              target: "resolved",
              actions: ["clearBlock", ...changed("resolved")],
            },
            "close.requested": {
              guard: "hasAuthorityAndReason",
              target: "closed",
              actions: ["clearBlock", ...changed("closed")],
            },
          },
        },
        resolved: {
          description: "Its question is answered. Any member may reopen it or close it for good.",
          tags: "waiting",
          on: {
            "reopen.requested": {
              guard: "isMember",
              target: "active",
              actions: ["resetProgress", ...changed("active")],
            },
            "close.requested": { guard: "isMember", target: "closed", actions: changed("closed") },
          },
        },
        closed: {
          description:
            "Over: no message is accepted and nobody is woken. Only a coordinator or a person reopens it, with a reason.",
          tags: "waiting",
          on: {
            "reopen.requested": {
              guard: "hasAuthorityAndReason",
              target: "active",
              actions: ["resetProgress", ...changed("active")],
            },
          },
        },
      },
    },
    progress: {
      description:
        "Whether the conversation gets anywhere. Counts, and follows its counters; a person's message starts the count anew.",
      initial: "moving",
      on: { "message.posted": { actions: "countTurn" } },
      states: {
        moving: {
          description: "The latest message brought something new. Leaves when one does not.",
          tags: "waiting",
          always: [paces.looping, paces.stalling],
        },
        stalling: {
          description:
            "The latest messages repeat each other or say nothing. Leaves by news, or as a loop at the policy's thresholds.",
          tags: "waiting",
          always: [paces.looping, paces.moving],
        },
        looping: {
          description:
            "A threshold is reached; an active thread becomes blocked. Leaves by news, or when the count starts anew: a person writes, or the thread is unblocked or reopened.",
          tags: "waiting",
          entry: "raiseLoop",
          always: [paces.stalling, paces.moving],
        },
      },
    },
  },
});
