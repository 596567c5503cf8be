import type { ChartMigration } from "../migration.ts";
import { defaultWakePolicy } from "./contract.ts";

/** Steps that lead participants of earlier releases to the chart of today. */
export const participantMigrations: readonly ChartMigration[] = [
  {
    from: "aa3186d923acdd88",
    to: "e79a98628b24f92f",
    // What was asked before is not known here, so only later messages are owed a reply.
    migrate: ({ value, context, history }) => ({
      value: { ...(value as object), reply: "settled" },
      context: { ...context, policy: withReplyBound(context["policy"]), owed: null },
      history,
    }),
    known: ["deliverWake", "resumeSession", "spawnSession"],
  },
];

function withReplyBound(policy: unknown): object {
  return { ...(policy as object), replyWithinMs: defaultWakePolicy.replyWithinMs };
}
