import type { DeferReason } from "../reasons.ts";
import type { ParticipantContext, Wake } from "./events.ts";
import { isManagedLiving } from "./facts.ts";

/** Why a wake waits, for how long, and when its patience ends. Pure. */

export interface Deferral {
  reason: DeferReason;
  recheckMs: number;
}

type Kind = "rate" | "work" | "patience";

function kindOf(reason: DeferReason): Kind {
  if (reason === "rateLimited") return "rate";
  return reason === "agentBusy" ? "work" : "patience";
}

/** What stands in the way of typing into the live terminal now; null when nothing does, or when there is none. */
export function obstacle({ agent, wake }: ParticipantContext): DeferReason | null {
  const { runtime } = agent;
  if (!isManagedLiving(runtime)) return null;
  const forced = wake?.forced === true && !wake.uncertain;
  switch (runtime.state) {
    case "registered":
    case "launching":
      return "runtimeStarting";
    case "unknown":
      return "stateUnknown";
    case "dialog":
      return "dialogOpen";
    case "busy":
      return forced ? null : "agentBusy";
    case "humanTyping":
      return forced ? null : "humanTyping";
    default:
      return null;
  }
}

/**
 * True while a deferral for this reason is within its bound. A busy agent visibly works: it is not stuck and may be
 * waited for as long as a late ack (`ackExtendedMs`); everything else has `deferMaxMs`. Both together end after
 * `ackExtendedMs`, so that reasons which alternate cannot wait for ever. The rate limit bounds itself.
 */
export function mayWaitFor(reason: DeferReason, { wake, policy }: ParticipantContext, now: number): boolean {
  if (wake === null) return false;
  const kind = kindOf(reason);
  if (kind === "rate") return true;
  const limit = kind === "work" ? policy.ackExtendedMs : policy.deferMaxMs;
  const waited = wake.waitingSince === null ? 0 : now - wake.waitingSince;
  return now - sinceFor(reason, wake, now) < limit && waited < policy.ackExtendedMs;
}

function sinceFor(reason: DeferReason, wake: Wake, now: number): number {
  const { deferReason, deferredSince } = wake;
  if (deferReason === null || deferredSince === null) return now;
  return kindOf(deferReason) === kindOf(reason) ? deferredSince : now;
}

export function withDeferral(wake: Wake, { reason, recheckMs }: Deferral, now: number): Wake {
  return {
    ...wake,
    waitingSince: reason === "rateLimited" ? wake.waitingSince : (wake.waitingSince ?? now),
    deferredSince: sinceFor(reason, wake, now),
    deferReason: reason,
    deferRecheckMs: recheckMs,
  };
}

/** Wakes that still count within the window at `now`. */
export function recentWakes({ recentWakes: wakes, policy }: ParticipantContext, now: number): number[] {
  return wakes.filter((at) => now - at < policy.wakeWindowMs);
}

export function isRateLimited(context: ParticipantContext, now: number): boolean {
  const { wake, policy } = context;
  if (wake === null || wake.forced || wake.startedAt !== null) return false;
  return recentWakes(context, now).length >= policy.wakesPerWindow;
}

/** Until the oldest wake leaves the window. */
export function rateDeferral(context: ParticipantContext, now: number): Deferral {
  const oldest = recentWakes(context, now)[0] ?? now;
  return { reason: "rateLimited", recheckMs: Math.max(1, oldest + context.policy.wakeWindowMs - now) };
}
