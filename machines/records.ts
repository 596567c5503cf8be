import type { BlockReason, EscalationReason } from "./reasons.ts";
import type { ThreadStatus } from "./participant/contract.ts";

/**
 * What a chart writes down besides its snapshot. In a chart a record is a named action of the same type with
 * these params; the store applies it in the turn's own transaction. `at` is epoch ms.
 */
export interface EngineRecords {
  "wake.opened": { wakeId: string; threadId: string; agentId: string; headSeq: number; at: number };
  /** First proof that the agent is awake: `by` heartbeat after delivery, or cursor progress. */
  "wake.acknowledged": { wakeId: string; by: "heartbeat" | "cursor"; at: number };
  "wake.closed": {
    wakeId: string;
    outcome: "read" | "blocked" | "withdrawn";
    reason: BlockReason | null;
    at: number;
  };
  "thread.statusChanged": {
    threadId: string;
    status: ThreadStatus;
    by: string;
    reason: string;
    at: number;
  };
  "escalation.raised": {
    threadId: string | null;
    agentId: string | null;
    reason: EscalationReason;
    detail: string;
    at: number;
  };
}

export type EngineRecord = {
  [Type in keyof EngineRecords]: { type: Type; params: EngineRecords[Type] };
}[keyof EngineRecords];
