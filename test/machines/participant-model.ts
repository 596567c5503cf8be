import { participantMachine } from "../../machines/participant/machine.ts";
import {
  defaultWakePolicy,
  pauseScopes,
  type AgentFacts,
  type ThreadStatus,
  type WakePolicy,
} from "../../machines/participant/contract.ts";
import { isRateLimited, mayWaitFor } from "../../machines/participant/deferral.ts";
import type {
  ParticipantContext,
  ParticipantEvent,
  ParticipantInput,
} from "../../machines/participant/events.ts";
import { isGone } from "../../machines/participant/facts.ts";
import { isUsageLimited, isVisiblyWorking } from "../../machines/participant/policy.ts";
import {
  dialogKinds,
  runtimeStates,
  type DialogKind,
  type RuntimeFacts,
  type RuntimeState,
} from "../../machines/runtime/contract.ts";
import type { Authority } from "../../machines/roles.ts";
import type { Model, Position } from "../../runtime/model/model.ts";

/** The participant as models that each look at one side of it: all sides at once have too many states to walk. */

type At = Position<ParticipantContext>;
type EventType = ParticipantEvent["type"];
type Cases = Partial<Record<EventType, readonly ParticipantEvent[]>>;

/** Small figures, so that bounds are a few steps away. */
export const modelPolicy: WakePolicy = {
  ...defaultWakePolicy,
  coalesceMs: 1,
  ackTimeoutMs: 10,
  ackExtendedMs: 25,
  readingMs: 10,
  retries: 1,
  retryBackoffMs: 1,
  resumes: 2,
  spawns: 1,
  startAckTimeoutMs: 10,
  deferRecheckMs: 5,
  deferMaxMs: 10,
  wakesPerWindow: 2,
  wakeWindowMs: 40,
  wakeAtLimitReset: true,
  presenceFreshMs: 50,
  replyWithinMs: 30,
};

export const operator: Authority = { by: "ada", role: "operator", reason: "because" };

export function runtime(state: RuntimeState, facts: Partial<RuntimeFacts> = {}): RuntimeFacts {
  return {
    runtimeId: "rt-1",
    agentId: "reviewer",
    host: "host-a",
    backend: "scripted",
    management: "managed",
    injection: "open",
    state,
    dialog: null,
    limitedUntil: null,
    sessionId: "session-1",
    detail: null,
    ...facts,
  };
}

export const dialog = (kind: DialogKind): RuntimeFacts => runtime("dialog", { dialog: kind });
export const session = { sessionId: "session-1", host: "host-a", resumable: true };

export const noAgent: AgentFacts = {
  runtime: null,
  spares: [],
  session: null,
  lastHeartbeatAt: null,
  spawnHost: null,
};
export const liveAgent: AgentFacts = { ...noAgent, runtime: runtime("idle") };
export const fullAgent: AgentFacts = { ...liveAgent, session, spawnHost: "host-a" };

export function input(agent: AgentFacts, more: Partial<ParticipantInput> = {}): ParticipantInput {
  return {
    threadId: "th-7",
    agentId: "reviewer",
    policy: modelPolicy,
    agent,
    threadStatus: "active",
    pausedBy: [],
    ...more,
  };
}

export const reported = (facts: RuntimeFacts): ParticipantEvent => ({
  type: "runtime.reported",
  runtime: facts,
});
export const heartbeat: ParticipantEvent = {
  type: "heartbeat.received",
  sessionId: null,
  host: null,
  resumable: false,
};

export function post({ context }: At): ParticipantEvent {
  return { type: "message.posted", seq: context.headSeq + 1, from: "executioner" };
}

export function readAll({ context }: At): ParticipantEvent {
  return { type: "ack.received", lastReadSeq: context.headSeq, unread: 0 };
}

export function readOne({ context }: At): ParticipantEvent {
  return {
    type: "ack.received",
    lastReadSeq: context.lastReadSeq + 1,
    unread: Math.max(0, context.unread - 1),
  };
}

type Truth = Extract<ParticipantEvent, { type: "state.reconciled" }>;

export function truth({ context }: At, more: Partial<Truth> = {}): Truth {
  const { headSeq, lastReadSeq, unread, threadStatus, agent } = context;
  return { type: "state.reconciled", headSeq, lastReadSeq, unread, threadStatus, agent, ...more };
}

const threadReported = (status: ThreadStatus): ParticipantEvent => ({
  type: "thread.reported",
  status,
  reason: status === "blocked" ? "loopNoProgress" : null,
});

const delivery = { channel: "terminal", bytes: 40, firstByteAt: 1, submittedAt: 2, turnStartedAt: null };
const startOutcomes = (runtimeId: string, refusal: string) => ({
  done: [
    { verdict: "started", runtimeId },
    { verdict: "refused", reason: refusal },
    { verdict: "refused", reason: "launchFailed" },
  ],
  failed: ["internal"],
});

const outcomes: Model<ParticipantContext>["outcomes"] = {
  deliverWake: {
    done: [
      { verdict: "delivered", evidence: delivery },
      { verdict: "unconfirmed", evidence: delivery },
      { verdict: "deferred", reason: "draftPresent", retryAfterMs: 5 },
      { verdict: "refused", reason: "terminalMissing" },
      { verdict: "refused", reason: "injectionPaused" },
    ],
    failed: ["effect_uncertain", "internal"],
  },
  resumeSession: startOutcomes("rt-2", "sessionHeld"),
  spawnSession: startOutcomes("rt-2", "notSpawnable"),
};

export interface Side {
  name: string;
  input: ParticipantInput;
  cases: (at: At) => Cases;
  outcomes?: Partial<Model<ParticipantContext>["outcomes"]>;
  abstraction: (at: At) => unknown;
}

const silent: Record<EventType, readonly ParticipantEvent[]> = {
  "message.posted": [],
  "reply.posted": [],
  "ack.received": [],
  "heartbeat.received": [],
  "state.reconciled": [],
  "trigger.requested": [],
  "runtime.reported": [],
  "agent.reported": [],
  "thread.reported": [],
  "injection.paused": [],
  "injection.resumed": [],
  "override.forced": [],
  "block.requested": [],
  "unblock.requested": [],
};

export function modelOf(side: Side): Model<ParticipantContext> {
  return {
    machine: participantMachine,
    address: "participant/th-7.reviewer",
    input: side.input,
    mail: (at) => ({ ...silent, ...side.cases(at) }),
    outcomes: { ...outcomes, ...side.outcomes } as typeof outcomes,
    abstraction: side.abstraction,
  };
}

const onePost = (at: At): ParticipantEvent[] => (at.context.unread < 1 ? [post(at)] : []);
/** At most two messages wait: more adds nothing that the chart could tell apart. */
const posts = (at: At): ParticipantEvent[] => (at.context.unread < 2 ? [post(at)] : []);
const acks = (at: At): ParticipantEvent[] =>
  at.context.unread > 1 ? [readOne(at), readAll(at)] : [readAll(at)];

function attentionOf({ value }: At): unknown {
  return (value as { attention: unknown }).attention;
}

function wakeOf({ context, now }: At): unknown {
  const { wake } = context;
  if (wake === null) return null;
  const { triggers, resumes, spawns, deferReason, uncertain, requested, forced } = wake;
  const marks = [uncertain, requested, forced, wake.deliveredAt !== null];
  const waits =
    deferReason === null
      ? null
      : [deferReason, now - (wake.deferredSince ?? now) >= 5, mayWaitFor(deferReason, context, now)];
  return [
    triggers,
    resumes,
    spawns,
    marks,
    waits,
    isVisiblyWorking(context, now),
    isRateLimited(context, now),
  ];
}

function runtimeOf({ context, now }: At): unknown {
  const { runtime: known } = context.agent;
  if (known === null) return null;
  const { state, management, injection, dialog: kind } = known;
  return [
    state,
    management,
    injection,
    kind,
    isUsageLimited(context, now),
    isGone(known) && known.runtimeId === context.wake?.runtimeId,
  ];
}

const stateOf = ({ context }: At): unknown => context.agent.runtime?.state;

function blockOf({ context }: At): unknown {
  const { blocked } = context;
  return blocked === null ? null : [blocked.reason, blocked.byThread, blocked.until !== null];
}

/** A live terminal and nothing else: typing, waiting, retrying, giving up. */
const live: Side = {
  name: "live terminal",
  input: input(liveAgent),
  cases: (at) => ({
    "message.posted": onePost(at),
    "ack.received": [readAll(at)],
    "heartbeat.received": [heartbeat],
    "runtime.reported": ["idle", "busy", "humanTyping"].map((state) =>
      reported(runtime(state as RuntimeState)),
    ),
  }),
  abstraction: (at) => [attentionOf(at), at.context.unread, wakeOf(at), stateOf(at), blockOf(at)],
};

/** Resume and spawn, with runtimes that die on the way. */
const starts: Side = {
  name: "resume and spawn",
  input: input({ ...fullAgent, runtime: runtime("dead") }),
  cases: (at) => ({
    "message.posted": onePost(at),
    "ack.received": [readAll(at)],
    "heartbeat.received": [heartbeat],
    "runtime.reported": [
      reported(runtime("dead", { runtimeId: expectedId(at) })),
      reported(runtime("idle", { runtimeId: expectedId(at) })),
      reported(runtime("busy", { runtimeId: expectedId(at) })),
    ],
  }),
  outcomes: { deliverWake: { done: [{ verdict: "refused", reason: "terminalMissing" }], failed: [] } },
  abstraction: (at) => [attentionOf(at), at.context.unread, wakeOf(at), runtimeOf(at), blockOf(at)],
};

function expectedId({ context }: At): string {
  return context.wake?.runtimeId ?? "rt-1";
}

const smooth: Side["outcomes"] = {
  deliverWake: { done: [{ verdict: "delivered", evidence: delivery }], failed: [] },
};

/** Everything a terminal may show that forbids typing, and the commands that end a block. */
const obstacles: Side = {
  name: "dialogs, limits, unknown screens",
  input: input(liveAgent),
  cases: (at) => ({
    "message.posted": onePost(at),
    "ack.received": [readAll(at)],
    "runtime.reported": [
      reported(dialog("permission")),
      reported(dialog("login")),
      reported(runtime("limited")),
      reported(runtime("limited", { limitedUntil: at.now + 20 })),
      reported(runtime("unknown")),
      reported(runtime("launching")),
      reported(runtime("idle")),
      reported(runtime("dead")),
    ],
    "unblock.requested": [{ type: "unblock.requested", ...operator }],
  }),
  outcomes: smooth,
  abstraction: (at) => [attentionOf(at), at.context.unread, wakeOf(at), runtimeOf(at), blockOf(at)],
};

/** The thread's changes and every command. */
const commands: Side = {
  name: "thread and commands",
  input: input(liveAgent),
  cases: (at) => ({
    "message.posted": posts(at),
    "ack.received": acks(at),
    "heartbeat.received": [heartbeat],
    "state.reconciled": [
      truth(at),
      truth(at, { lastReadSeq: at.context.headSeq, unread: 0 }),
      truth(at, { lastReadSeq: at.context.lastReadSeq + 1, unread: 1 }),
      truth(at, { threadStatus: "closed" }),
    ],
    "runtime.reported": [reported(runtime("idle")), reported(runtime("humanTyping"))],
    "thread.reported": (["active", "blocked", "closed"] as const).map(threadReported),
    "trigger.requested": [{ type: "trigger.requested", ...operator }],
    "override.forced": [{ type: "override.forced", ...operator }],
    "block.requested": [{ type: "block.requested", ...operator }],
    "unblock.requested": [{ type: "unblock.requested", ...operator }],
  }),
  outcomes: { deliverWake: { done: [{ verdict: "delivered", evidence: delivery }], failed: ["internal"] } },
  abstraction: (at) => [
    attentionOf(at),
    at.context.unread,
    at.context.threadStatus,
    at.context.wake === null
      ? null
      : [at.context.wake.triggers, at.context.wake.requested, at.context.wake.forced],
    stateOf(at),
    blockOf(at),
  ],
};

const pauses: Cases = {
  "injection.paused": pauseScopes.map((scope) => ({ type: "injection.paused", scope, ...operator })),
  "injection.resumed": pauseScopes.map((scope) => ({ type: "injection.resumed", scope, ...operator })),
};

/** Runtimes that may not be typed into, and ways to start the agent that appear later. */
const channels: Side = {
  name: "unmanaged, silent and paused runtimes",
  input: input(noAgent),
  cases: (at) => ({
    "message.posted": onePost(at),
    "ack.received": [readAll(at)],
    "runtime.reported": [
      reported(runtime("idle")),
      reported(runtime("idle", { injection: "paused" })),
      reported(runtime("idle", { management: "unmanaged" })),
      reported(runtime("idle", { management: "unmanaged", sessionId: "session-9" })),
      reported(runtime("stale")),
      reported(runtime("crashLooping")),
    ],
    "agent.reported": [
      { type: "agent.reported", agent: { session, spawnHost: null } },
      { type: "agent.reported", agent: { session: null, spawnHost: "host-a" } },
      { type: "agent.reported", agent: { session: null, spawnHost: null } },
    ],
    "state.reconciled": [truth(at, { agent: fullAgent })],
    "injection.paused": [{ type: "injection.paused", scope: "agent", ...operator }],
    "injection.resumed": [{ type: "injection.resumed", scope: "agent", ...operator }],
  }),
  outcomes: {
    ...smooth,
    resumeSession: { done: [{ verdict: "refused", reason: "sessionHeld" }], failed: [] },
    spawnSession: { done: [{ verdict: "refused", reason: "notSpawnable" }], failed: [] },
  },
  abstraction: (at) => [
    attentionOf(at),
    at.context.unread,
    at.context.wake?.triggers,
    runtimeOf(at),
    at.context.pausedBy.length,
    [at.context.agent.session !== null, at.context.agent.spawnHost !== null],
    blockOf(at),
  ],
};

/** Two terminals of one agent that end, come back and are handed over. */
const twins: Side = {
  name: "two terminals",
  input: input(liveAgent),
  cases: (at) => ({
    "message.posted": onePost(at),
    "ack.received": [readAll(at)],
    "runtime.reported": ["rt-1", "rt-2"].flatMap((runtimeId) => [
      reported(runtime("idle", { runtimeId })),
      reported(runtime("dead", { runtimeId })),
      reported(runtime("idle", { runtimeId, management: "unmanaged" })),
    ]),
  }),
  outcomes: smooth,
  abstraction: (at) => [
    attentionOf(at),
    at.context.unread,
    at.context.wake?.triggers,
    runtimeOf(at),
    at.context.agent.runtime?.runtimeId,
    at.context.agent.spares.map(({ management }) => management),
    blockOf(at),
  ],
};

/** Somebody asks by name, and waits. */
const asked: Side = {
  name: "replies that are owed",
  input: input(noAgent),
  cases: (at) => ({
    "message.posted": [{ ...post(at), wantsReply: true }, ...posts(at)].slice(
      0,
      at.context.unread < 2 ? 2 : 0,
    ),
    "reply.posted": [{ type: "reply.posted", seq: at.context.headSeq + 1 }],
    "ack.received": acks(at),
    "thread.reported": (["active", "resolved"] as const).map(threadReported),
  }),
  abstraction: ({ value, context: { unread, owed, threadStatus, lastReadSeq } }) => [
    (value as { reply: unknown }).reply,
    unread,
    threadStatus,
    owed === null ? null : [owed.lastSeq > owed.seq, lastReadSeq >= owed.seq],
  ],
};

/** The two small regions. */
const surroundings: Side = {
  name: "presence and control",
  input: input(noAgent, { pausedBy: ["workspace"] }),
  cases: () => ({
    "heartbeat.received": [heartbeat],
    "runtime.reported": runtimeStates.map((state) => reported(runtime(state))),
    ...pauses,
  }),
  abstraction: (at) => [at.value, at.context.pausedBy.toSorted(), stateOf(at)],
};

export const sides: readonly Side[] = [
  live,
  starts,
  obstacles,
  commands,
  channels,
  twins,
  asked,
  surroundings,
];

/** Everything at once: too many states to walk through, for random runs only. */
export const whole: Side = {
  name: "everything",
  input: input(fullAgent),
  cases: (at) => ({
    ...channels.cases(at),
    ...commands.cases(at),
    ...pauses,
    "message.posted": [post(at), { ...post(at), wantsReply: true }],
    "reply.posted": [{ type: "reply.posted", seq: at.context.headSeq + 1 }],
    "runtime.reported": [
      ...runtimeStates.map((state) => reported(runtime(state, { runtimeId: expectedId(at) }))),
      ...dialogKinds.map((kind) => reported(dialog(kind))),
      ...(channels.cases(at)["runtime.reported"] ?? []),
    ],
  }),
  abstraction: (at) => at.value,
};
