import type { PortSpec } from "../port.ts";
import type { ParticipantContext } from "./events.ts";
import { deliverWake, resumeSession, spawnSession } from "./ports.ts";

/** Named waits of the chart, in milliseconds. */

type Args = { context: ParticipantContext; event: object };

/** A host that never takes up its effect must not hold the wake: after every attempt could have ended, go on. */
function boundOf({ retry, timeoutMs }: Pick<PortSpec<never, never>, "retry" | "timeoutMs">): number {
  const marginMs = 10_000;
  return retry.attempts * ((timeoutMs ?? 0) + retry.maxBackoffMs) + marginMs;
}

const longestSpreadMs = 30_000;

/** Agents that share a limit do not all come back at the same moment. The same participant always gets the same share. */
function spreadMs(name: string, waitMs: number): number {
  const hash = Array.from(name).reduce(
    (sum, letter) => (sum * 31 + (letter.codePointAt(0) ?? 0)) % 65_521,
    7,
  );
  return Math.floor((hash / 65_521) * Math.min(longestSpreadMs, Math.max(0, waitMs) / 10));
}

export const delays = {
  coalescing: ({ context }: Args) => context.policy.coalesceMs,
  deferRecheck: ({ context }: Args) => context.wake?.deferRecheckMs ?? context.policy.deferRecheckMs,
  ackTimeout: ({ context }: Args) => context.policy.ackTimeoutMs,
  /** Doubles with each delivery. */
  retryBackoff: ({ context: { policy, wake } }: Args) =>
    policy.retryBackoffMs * 2 ** Math.max(0, (wake?.triggers ?? 1) - 1),
  readingTime: ({ context }: Args) => context.policy.readingMs,
  startAckTimeout: ({ context }: Args) => context.policy.startAckTimeoutMs,
  /** From the moment of the block, which is when the timer is armed. */
  limitReset: ({ context: { blocked, threadId, agentId } }: Args) => {
    const waitMs = blocked === null || blocked.until === null ? 0 : blocked.until - blocked.at;
    return waitMs + spreadMs(`${threadId}.${agentId}`, waitMs);
  },
  deliveryBound: boundOf(deliverWake),
  resumeBound: boundOf(resumeSession),
  spawnBound: boundOf(spawnSession),
  replyBound: ({ context }: Args) => context.policy.replyWithinMs,
  presenceFresh: ({ context }: Args) => context.policy.presenceFreshMs,
};
