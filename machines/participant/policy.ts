import type { DeferReason } from "../reasons.ts";
import { isRateLimited, mayWaitFor, obstacle } from "./deferral.ts";
import type { Hop, ParticipantContext, Wake } from "./events.ts";
import { isGone, isLiving, isManagedLiving } from "./facts.ts";

/** Which channel a wake may take now. Pure; the chart's state `deciding` asks in order. */

/** Nothing is left to do: all read, and no wake was asked for besides. */
export function isAtRest({ unread, wake }: ParticipantContext): boolean {
  return unread === 0 && wake?.requested !== true;
}

/** Injection is paused for the agent, the thread, the workspace, or on the living managed runtime. */
export function isPaused({ pausedBy, agent }: ParticipantContext): boolean {
  return pausedBy.length > 0 || (isManagedLiving(agent.runtime) && agent.runtime.injection === "paused");
}

/** Work may wait here without anybody being woken. */
export function isHeld(context: ParticipantContext): boolean {
  return context.threadStatus === "closed" || isPaused(context);
}

export function isThreadBlocked({ threadStatus, wake }: ParticipantContext): boolean {
  return threadStatus === "blocked" && wake?.forced !== true;
}

/** A limit whose reset has passed counts as over: delivery looks at the screen anyway. */
export function isUsageLimited({ agent, wake }: ParticipantContext, now: number): boolean {
  const { runtime } = agent;
  if (wake?.forced === true || !isManagedLiving(runtime) || runtime.state !== "limited") return false;
  return runtime.limitedUntil === null || runtime.limitedUntil > now;
}

export function liveChannelIsUsedUp({ wake, policy }: ParticipantContext): boolean {
  return wake !== null && wake.triggers > policy.retries;
}

export function mustDefer(context: ParticipantContext, now: number): boolean {
  if (isRateLimited(context, now)) return true;
  const reason = obstacle(context);
  return reason !== null && !liveChannelIsUsedUp(context) && mayWaitFor(reason, context, now);
}

/**
 * Blocks that no other channel may pass: the thread's, a usage limit, a dialog nobody answers, and an agent that is
 * still at work after its bound (a twin beside it would do harm).
 */
export function mustBlock(context: ParticipantContext, now: number): boolean {
  if (isThreadBlocked(context) || isUsageLimited(context, now)) return true;
  const reason = obstacle(context) ?? lastObstacle(context);
  return (reason === "dialogOpen" || reason === "agentBusy") && !mustDefer(context, now);
}

/** What deliveries met until their patience ended, although the last report said idle. */
function lastObstacle(context: ParticipantContext): DeferReason | null {
  if (!liveChannelIsUsedUp(context) || !isManagedLiving(context.agent.runtime)) return null;
  return context.wake?.deferReason ?? null;
}

/** Idle, or passed by an operator. The port looks again before every byte. */
export function mayTrigger(context: ParticipantContext): boolean {
  const { runtime } = context.agent;
  if (isPaused(context) || liveChannelIsUsedUp(context)) return false;
  return isManagedLiving(runtime) && obstacle(context) === null;
}

/**
 * The agent waits at its prompt and was left alone for a while: it cannot read by itself, so collecting first would only
 * be late. What follows joins the wake that the first message begins.
 */
export function isDormant(context: ParticipantContext, now: number): boolean {
  const { agent, policy } = context;
  if (agent.runtime?.state !== "idle" || !mayTrigger(context)) return false;
  return context.recentWakes.every((at) => now - at >= policy.coalesceMs);
}

/** The terminal that a delivery is under way to may not be typed into any more. */
export function mustNotType(context: ParticipantContext): boolean {
  return isPaused(context) || !isManagedLiving(context.agent.runtime);
}

const lost: readonly Hop["reason"][] = ["terminalMissing", "identityMismatch", "bareShell", "noRuntime"];

/** Delivery found no agent behind a runtime that still counts as living: it knows better than the last report. */
function foundNobody(wake: Wake | null): boolean {
  const latest = wake?.hops.findLast(({ hop, outcome }) => hop === "trigger" || outcome === "started");
  return latest?.hop === "trigger" && latest.outcome === "failed" && lost.includes(latest.reason);
}

/** Never while a living process may hold the session. A silent runtime is left to the port, which looks. */
export function mayResume(context: ParticipantContext, now: number): boolean {
  const { agent, wake, policy } = context;
  const { runtime, session } = agent;
  if (wake === null || session === null || !session.resumable || wake.resumes >= policy.resumes) return false;
  if (runtime?.state === "crashLooping" || isSessionStale(context, now)) return false;
  if (!isLiving(runtime) || foundNobody(wake)) return true;
  return (
    runtime.management === "unmanaged" &&
    runtime.sessionId !== null &&
    runtime.sessionId !== session.sessionId
  );
}

/** An agent that never sent a heartbeat has no gap: its session came with the launch. */
export function isSessionStale({ agent, policy }: ParticipantContext, now: number): boolean {
  return agent.lastHeartbeatAt !== null && now - agent.lastHeartbeatAt > policy.sessionStaleMs;
}

export function maySpawn({ agent, wake, policy }: ParticipantContext): boolean {
  return wake !== null && agent.spawnHost !== null && wake.spawns < policy.spawns;
}

/** The runtime that was typed into or started has ended. */
export function isTargetGone({ agent, wake }: ParticipantContext): boolean {
  const { runtime } = agent;
  return wake !== null && runtime !== null && runtime.runtimeId === wake.runtimeId && isGone(runtime);
}

/** A turn visibly runs, and the extended wait for its ack is not over. */
export function isVisiblyWorking({ agent, wake, policy }: ParticipantContext, now: number): boolean {
  if (wake === null || wake.deliveredAt === null || !isManagedLiving(agent.runtime)) return false;
  return agent.runtime.state === "busy" && now - wake.deliveredAt < policy.ackExtendedMs;
}
