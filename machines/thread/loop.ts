import type { ThreadContext, ThreadEvent } from "./events.ts";

type Posted = Extract<ThreadEvent, { type: "message.posted" }>;
type Counters = Pick<
  ThreadContext,
  "turnsWithoutProgress" | "recentFingerprints" | "lastFinding" | "repeatedFindings"
>;

/** A loop among more distinct bodies than this is not seen as repetition. */
export const maxRecentFingerprints = 32;

export const noRepetition: Counters = {
  turnsWithoutProgress: 0,
  recentFingerprints: [],
  lastFinding: null,
  repeatedFindings: 0,
};

/** Counters after one more message. A person's word starts the count anew. */
export function countTurn(counters: Counters, message: Posted): Counters {
  if (message.byPerson) return noRepetition;
  const seen = counters.recentFingerprints.includes(message.fingerprint);
  const noProgress = message.contentFree || seen;
  return {
    turnsWithoutProgress: noProgress ? counters.turnsWithoutProgress + 1 : 0,
    recentFingerprints: noProgress
      ? counters.recentFingerprints
      : [...counters.recentFingerprints, message.fingerprint].slice(-maxRecentFingerprints),
    ...countFinding(counters, message),
  };
}

/** Messages that state no finding, such as "fixed", do not interrupt a row of identical findings. */
function countFinding(
  counters: Counters,
  message: Posted,
): Pick<Counters, "lastFinding" | "repeatedFindings"> {
  const { lastFinding, repeatedFindings } = counters;
  if (!message.finding) return { lastFinding, repeatedFindings };
  const repeated = message.fingerprint === lastFinding;
  return { lastFinding: message.fingerprint, repeatedFindings: repeated ? repeatedFindings + 1 : 1 };
}

export type LoopReason = Extract<ThreadEvent, { type: "loop.detected" }>["reason"];

/** Which threshold is reached, or null. */
export function loopReason({
  policy,
  turnsWithoutProgress,
  repeatedFindings,
}: ThreadContext): LoopReason | null {
  if (repeatedFindings >= policy.maxRepeatedFindings) return "loopRepeatedFinding";
  if (turnsWithoutProgress >= policy.maxTurnsWithoutProgress) return "loopNoProgress";
  return null;
}

export type Pace = "moving" | "stalling" | "looping";

export function paceOf(context: ThreadContext): Pace {
  if (loopReason(context) !== null) return "looping";
  return context.turnsWithoutProgress > 0 || context.repeatedFindings > 1 ? "stalling" : "moving";
}

/** The loop in one sentence, for the person who has to decide. */
export function loopDetail(context: ThreadContext): string {
  return loopReason(context) === "loopRepeatedFinding"
    ? `the same finding was stated ${context.repeatedFindings} times in a row`
    : `${context.turnsWithoutProgress} turns in a row brought nothing new`;
}
