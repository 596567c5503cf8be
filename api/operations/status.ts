import { z } from "zod";
import { threadStatuses, type ThreadStatus } from "../../machines/participant/contract.ts";
import { countedUpTo } from "../../runtime/store.ts";
import { isoOrNull, threadStatus, timestamp } from "./fields.ts";
import { defineQuery } from "./operation.ts";
import { everyone } from "./role-sets.ts";
import { isInjectionPaused } from "./injection-switch.ts";
import { tokensEnding } from "./token-note.ts";

export const getStatus = defineQuery({
  name: "get_status",
  summary:
    "The workspace at a glance: threads, actors, waiting mail, timers, effects, dead letters, the red switch.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/status" },
  roles: everyone,
  input: {},
  output: {
    workspace_id: z.string(),
    host: z.string(),
    injection: z.enum(["paused", "open"]),
    threads: z.record(threadStatus, z.int()).describe("By status."),
    messages: z.int(),
    mail: z.int().describe("Events not yet applied."),
    oldest_mail_at: timestamp.nullable().describe("When the oldest event not yet applied was sent."),
    quarantined_mail: z.int().describe("Events that wait for quarantined actors."),
    timers: z.int(),
    dead_letters: z.int().describe("Those that nobody has decided over."),
    tokens_ending: z
      .int()
      .describe(
        "Sessions whose last token ends within the hour and cannot be refreshed any more; at most 100.",
      ),
    actors: z.record(z.string(), z.int()),
    effects: z
      .record(z.string(), z.int())
      .describe(`By status; done and cancelled together are counted up to ${countedUpTo}.`),
  },
  async handler({ store, workspace }) {
    const counts = await store.counts();
    const { isPaused, ending } = await store.transaction(
      async (tx) => ({
        isPaused: await isInjectionPaused(tx, null),
        ending: await tokensEnding(tx, workspace.tokens.policy),
      }),
      { readOnly: true },
    );
    return {
      workspace_id: store.workspaceId,
      host: workspace.host,
      injection: isPaused ? ("paused" as const) : ("open" as const),
      threads: Object.fromEntries(threadStatuses.map((of) => [of, counts.threads[of] ?? 0])) as Record<
        ThreadStatus,
        number
      >,
      messages: counts.messages,
      mail: counts.mail,
      oldest_mail_at: isoOrNull(counts.oldestMailAt),
      quarantined_mail: counts.quarantinedMail,
      timers: counts.timers,
      dead_letters: counts.deadLetters,
      tokens_ending: ending,
      actors: counts.actors,
      effects: counts.effects,
    };
  },
});
