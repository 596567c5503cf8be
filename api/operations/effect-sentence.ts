import type { StoredEffect } from "../../runtime/store.ts";
import { iso } from "./fields.ts";

/** What the state of an effect means, in one sentence. Pure. */
export function effectSentence(effect: StoredEffect): string {
  const { status, attempt, nodeId, nextTryAt, leaseExpiresAt, host } = effect;
  const holder = nodeId ?? "nobody";
  switch (status) {
    case "pending": {
      const where = host === null ? "a node" : `a node on ${host}`;
      const when = nextTryAt === null ? "" : ` from ${iso(nextTryAt)} on`;
      return attempt === 0
        ? `Waits for ${where} to take it up${when}.`
        : `Attempt ${attempt} came to nothing; ${where} tries again${when}.`;
    }
    case "running":
      return `Attempt ${attempt} is being made by ${holder}.`;
    case "done":
      return `Done in attempt ${attempt}.`;
    case "failed":
      return `Failed for good after ${attempt} attempts; its chart was told why.`;
    case "cancelled":
      return leaseExpiresAt === null
        ? "Withdrawn by its chart."
        : `Withdrawn by its chart; ${holder} has not stopped yet, so nobody else may begin until ${iso(leaseExpiresAt)}.`;
    case "uncertain":
      return "It was begun, and whether it happened is not known; it is not repeated blindly: its chart looks for evidence, or waits for an answer.";
  }
}
