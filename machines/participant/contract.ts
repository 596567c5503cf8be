import type { RuntimeFacts } from "../runtime/contract.ts";

/** Figures that govern one wake. All times in milliseconds. Features C1–C9. */
export interface WakePolicy {
  coalesceMs: number;
  ackTimeoutMs: number;
  /** A turn that visibly runs extends the wait for the ack, up to this bound in all. */
  ackExtendedMs: number;
  /** After an ack without cursor progress the agent may read for this long before it is woken again. */
  readingMs: number;
  retries: number;
  retryBackoffMs: number;
  resumes: number;
  /** An agent that comes back by resume or spawn has this long to acknowledge. */
  startAckTimeoutMs: number;
  spawns: number;
  /** A heartbeat gap over this skips resume. */
  sessionStaleMs: number;
  quietWindowMs: number;
  deferRecheckMs: number;
  deferMaxMs: number;
  /** Wakes allowed per participant within the window. */
  wakesPerWindow: number;
  wakeWindowMs: number;
  /** Wake again at the reset time of a usage limit. */
  wakeAtLimitReset: boolean;
  /** An agent heard from within this time counts as active. */
  presenceFreshMs: number;
  /** A message that wants a reply and was read may stay unanswered for this long; 0: for ever. */
  replyWithinMs: number;
}

export const defaultWakePolicy: WakePolicy = {
  coalesceMs: 250,
  ackTimeoutMs: 8_000,
  ackExtendedMs: 600_000,
  readingMs: 60_000,
  retries: 2,
  retryBackoffMs: 1_000,
  resumes: 2,
  startAckTimeoutMs: 60_000,
  spawns: 1,
  sessionStaleMs: 12 * 3_600_000,
  quietWindowMs: 20_000,
  deferRecheckMs: 5_000,
  deferMaxMs: 60_000,
  wakesPerWindow: 12,
  wakeWindowMs: 60_000,
  wakeAtLimitReset: false,
  presenceFreshMs: 120_000,
  replyWithinMs: 30 * 60_000,
};

/** What a participant knows about its agent; healed by reconciliation. */
export interface AgentFacts {
  /** The runtime that would be typed into, or null. A living one wins over a dead one. */
  runtime: RuntimeFacts | null;
  /** The agent's other living runtimes, ordered by id: when its target ends, a wake goes on with one of them. */
  spares: RuntimeFacts[];
  /** The agent's latest session, or null. */
  session: { sessionId: string; host: string; resumable: boolean } | null;
  /** Epoch ms, or null when the agent never sent one. */
  lastHeartbeatAt: number | null;
  /** Host on which the agent can be started anew, or null when nobody told us how. */
  spawnHost: string | null;
}

export const threadStatuses = ["active", "blocked", "resolved", "closed"] as const;
export type ThreadStatus = (typeof threadStatuses)[number];

/** What was paused: this agent, this thread, or the whole workspace. Resuming one leaves the others. */
export const pauseScopes = ["agent", "thread", "workspace"] as const;
export type PauseScope = (typeof pauseScopes)[number];
