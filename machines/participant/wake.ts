import type { HopReason } from "../reasons.ts";
import type { EngineRecords } from "../records.ts";
import type { Hop, ParticipantContext, Wake } from "./events.ts";

/** Pure functions over one wake. */

const hopLimit = 16;

export interface Opening {
  at: number;
  forced: boolean;
}

export function openWake(context: ParticipantContext, { at, forced }: Opening): Wake {
  return {
    wakeId: `${context.threadId}.${context.agentId}.${context.wakeCount + 1}`,
    openedAt: at,
    startedAt: null,
    triggers: 0,
    resumes: 0,
    spawns: 0,
    waitingSince: null,
    deferredSince: null,
    deferReason: null,
    deferRecheckMs: null,
    deliveredAt: null,
    uncertain: false,
    acknowledgedAt: null,
    runtimeId: null,
    requested: context.unread === 0,
    forced,
    hops: [],
  };
}

export function openedRecord(context: ParticipantContext, wake: Wake): EngineRecords["wake.opened"] {
  const { threadId, agentId, headSeq } = context;
  return { wakeId: wake.wakeId, threadId, agentId, headSeq, at: wake.openedAt };
}

/** Repeated deferrals for one reason are one hop. */
export function withHop(wake: Wake, hop: Hop): Wake {
  const latest = wake.hops.at(-1);
  const repeated =
    hop.outcome === "deferred" && latest?.outcome === "deferred" && latest.reason === hop.reason;
  return repeated ? wake : { ...wake, hops: [...wake.hops, hop].slice(-hopLimit) };
}

/** Adds to the latest hop why it came to nothing in the end. */
export function withReason(wake: Wake, reason: HopReason): Wake {
  const latest = wake.hops.at(-1);
  return latest === undefined ? wake : { ...wake, hops: [...wake.hops.slice(0, -1), { ...latest, reason }] };
}

/** The first hop makes a wake count towards the rate limit. */
export function withStart(wake: Wake, at: number): Wake {
  return { ...wake, startedAt: wake.startedAt ?? at };
}

export interface Delivery {
  at: number;
  outcome: "delivered" | "unconfirmed";
  reason: HopReason | null;
}

export function withDelivery(wake: Wake, { at, outcome, reason }: Delivery): Wake {
  const sent = withHop(withoutWaiting(wake), { hop: "trigger", at, outcome, reason });
  return { ...sent, triggers: wake.triggers + 1, deliveredAt: at, uncertain: outcome === "unconfirmed" };
}

/** Reasons after which typing into this terminal once more would come to the same. */
const closing: readonly HopReason[] = [
  "noRuntime",
  "unmanaged",
  "terminalMissing",
  "identityMismatch",
  "bareShell",
  "deferredTooLong",
];

export interface Failure {
  at: number;
  reason: HopReason;
}

/** `limit`: deliveries that one runtime may see in all. */
export function withFailedTrigger(wake: Wake, { at, reason }: Failure, limit: number): Wake {
  const triggers = closing.includes(reason) ? limit : Math.min(limit, wake.triggers + 1);
  return { ...withHop(wake, { hop: "trigger", at, outcome: "failed", reason }), triggers };
}

export function triggerFailureReason(code: string): HopReason {
  if (code === "terminal_missing") return "terminalMissing";
  return code === "terminal_identity_mismatch" ? "identityMismatch" : "portFailed";
}

/** The delivery was cut short; what had been written by then is not known. */
export function withInterruption(wake: Wake, failure: Failure, limit: number): Wake {
  return { ...withFailedTrigger(wake, failure, limit), uncertain: true };
}

/** A new runtime is on its way with the wake line as its first prompt: it may be typed into anew. */
export function withStarted(
  wake: Wake,
  started: { hop: "resume" | "spawn"; at: number; runtimeId: string },
): Wake {
  const { hop, at, runtimeId } = started;
  const known = withHop(withoutWaiting(wake), { hop, at, outcome: "started", reason: null });
  return { ...known, runtimeId, deliveredAt: at, triggers: 0, uncertain: false };
}

/** Another terminal, into which nothing was typed yet. */
export function withNewTarget(wake: Wake): Wake {
  return { ...withoutWaiting(wake), triggers: 0, uncertain: false };
}

/** Refusals that every further resume of this wake would meet too. */
const neverResumable: readonly HopReason[] = ["sessionHeld", "noSession", "sessionStale", "resumeExhausted"];
const neverSpawnable: readonly HopReason[] = ["notSpawnable", "spawnExhausted"];

export function withFailedResume(wake: Wake, { at, reason }: Failure, limit: number): Wake {
  const known = withHop(wake, { hop: "resume", at, outcome: "failed", reason });
  return neverResumable.includes(reason) ? { ...known, resumes: limit } : known;
}

export function withFailedSpawn(wake: Wake, { at, reason }: Failure, limit: number): Wake {
  const known = withHop(wake, { hop: "spawn", at, outcome: "failed", reason });
  return neverSpawnable.includes(reason) ? { ...known, spawns: limit } : known;
}

/** A delivery or a start ended the waiting: later deferrals count anew. */
export function withoutWaiting(wake: Wake): Wake {
  return { ...wake, waitingSince: null, deferredSince: null, deferReason: null, deferRecheckMs: null };
}

/** What the cursor's progress proves: the agent reads, so its channel works and may be used again. */
export function withProgress(wake: Wake): Wake {
  return { ...withoutWaiting(wake), triggers: 0, uncertain: false };
}

/**
 * Id of the runtime that a resume or spawn of this wake starts. A repeated attempt of the same hop finds the same
 * runtime; no other participant, wake or hop has the same id. Thread ids have at most 24, agent ids at most 32
 * characters of `[a-z0-9-]`, the result at most 64.
 */
export function runtimeIdFor(context: ParticipantContext, hop: "resume" | "spawn"): string {
  const { threadId, agentId, wakeCount, wake } = context;
  const nth = hop === "resume" ? `r${wake?.resumes ?? 0}` : `s${wake?.spawns ?? 0}`;
  // Ids may contain `-`, so only the length of the first tells where it ends: thread a-b of c is not thread a of b-c.
  const tail = `${wakeCount.toString(36)}${nth}${threadId.length.toString(36)}`;
  const spelled = `${threadId}-${agentId}-${tail}`;
  return spelled.length <= 64 ? spelled : `${threadId}${agentId}-${tail}`;
}
