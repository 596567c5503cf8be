import { hasAuthority } from "../authority.ts";
import type { RuntimeContext, RuntimeEvent, RuntimePolicy } from "./events.ts";

/** A terminal is touched only when this holds: a managed runtime whose terminal we know how to make or hold. */
export function mayTouchTerminal(context: RuntimeContext): boolean {
  return context.management === "managed" && context.backend !== null;
}

export function holdsTerminal(context: RuntimeContext): boolean {
  return mayTouchTerminal(context) && context.address !== null;
}

type ManagementChanged = Extract<RuntimeEvent, { type: "management.changed" }>;

/**
 * A program that merely attached itself has no terminal that we could manage. While a launch or a stop is under way
 * the answer is no: cutting it short would leave a terminal that nobody owns.
 */
export function mayChangeManagement(context: RuntimeContext, event: ManagementChanged): boolean {
  if (!hasAuthority(event) || event.management === context.management) return false;
  if (context.reported?.state === "launching" || isStopping(context)) return false;
  return event.management === "unmanaged" || context.backend !== null;
}

type AnswerRequested = Extract<RuntimeEvent, { type: "answer.requested" }>;

/** Only a person answers, and only what the terminal was last seen to show. Logging in is done in the terminal itself. */
export function mayAnswer(context: RuntimeContext, event: AnswerRequested): boolean {
  const { activity, dialog, prompt } = context.observation;
  if (event.role !== "operator" || !holdsTerminal(context) || context.injection === "paused") return false;
  if (activity !== "dialog" || dialog === "login" || prompt?.fingerprint !== event.fingerprint) return false;
  return prompt.options.some(({ option }) => option === event.option);
}

/** An agent may end its own runtime; others need authority. */
export function mayStop(
  context: RuntimeContext,
  event: Extract<RuntimeEvent, { type: "stop.requested" }>,
): boolean {
  if (isStopping(context)) return false;
  return hasAuthority(event) || (event.role === "participant" && event.by === context.agentId);
}

/** Deaths that still count, the one at `now` included; the window's oldest entries fall out. */
export function recentDeaths(deaths: readonly number[], policy: RuntimePolicy, now: number): number[] {
  return [...deaths, now].filter((at) => now - at < policy.crashLoopWindowMs).slice(-policy.crashLoopDeaths);
}

/** Failures of a port which prove that the terminal is not there, or not ours any more. */
export function provesGone(code: string): boolean {
  return code === "terminal_missing" || code === "terminal_identity_mismatch";
}

/** A stop was asked for: it is announced at once, also while a launch still has to end first. */
export function isStopping(context: RuntimeContext): boolean {
  return context.reported?.state === "deregistered";
}
