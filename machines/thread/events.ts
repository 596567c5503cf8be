import type { Timed } from "../mail.ts";
import type { ThreadStatus } from "../participant/contract.ts";
import type { BlockReason } from "../reasons.ts";
import type { Authority } from "../roles.ts";

export interface ThreadPolicy {
  /** Turns in a row without progress that block the thread. */
  maxTurnsWithoutProgress: number;
  /** Identical findings in a row that block the thread. */
  maxRepeatedFindings: number;
}

export const defaultThreadPolicy: ThreadPolicy = {
  maxTurnsWithoutProgress: 20,
  maxRepeatedFindings: 3,
};

export interface ThreadInput {
  threadId: string;
  createdBy: string;
  policy: ThreadPolicy;
}

export interface ThreadContext extends ThreadInput {
  turnsWithoutProgress: number;
  /** Fingerprints of the latest bodies, newest last, bounded: a body seen again is no progress. */
  recentFingerprints: string[];
  lastFinding: string | null;
  repeatedFindings: number;
  blocked: { reason: BlockReason; detail: string; at: number } | null;
  lastChange: { status: ThreadStatus; by: string; reason: string; at: number } | null;
}

export type ThreadEvent =
  /** `fingerprint` and `contentFree` come from `progress.ts`; `finding` tells that the message states a review finding; `byPerson` that an operator wrote it. */
  | {
      type: "message.posted";
      seq: number;
      from: string;
      fingerprint: string;
      contentFree: boolean;
      finding: boolean;
      byPerson: boolean;
    }
  | ({ type: "block.requested" } & Authority)
  | ({ type: "unblock.requested" } & Authority)
  | ({ type: "resolve.requested" } & Authority)
  | ({ type: "close.requested" } & Authority)
  | ({ type: "reopen.requested" } & Authority)
  /** Raised by the progress region, handled by the status region. */
  | { type: "loop.detected"; reason: "loopNoProgress" | "loopRepeatedFinding" };

export type TimedThreadEvent = Timed<ThreadEvent>;
