import { z } from "zod";
import { defineQuery } from "./operation.ts";
import { everyone } from "./role-sets.ts";
import { isWorkspacePaused } from "./injection-switch.ts";

export const getStatus = defineQuery({
  name: "get_status",
  summary: "The workspace at a glance: actors, waiting mail, timers, effects, dead letters, the red switch.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/status" },
  roles: everyone,
  input: {},
  output: {
    workspace_id: z.string(),
    host: z.string(),
    injection: z.enum(["paused", "open"]),
    messages: z.int(),
    mail: z.int().describe("Events not yet applied."),
    timers: z.int(),
    dead_letters: z.int(),
    actors: z.record(z.string(), z.int()),
    effects: z.record(z.string(), z.int()),
  },
  async handler({ store, workspace }) {
    const counts = await store.counts();
    const isPaused = await store.transaction((tx) => isWorkspacePaused(tx), { readOnly: true });
    return {
      workspace_id: store.workspaceId,
      host: workspace.host,
      injection: isPaused ? ("paused" as const) : ("open" as const),
      messages: counts.messages,
      mail: counts.mail,
      timers: counts.timers,
      dead_letters: counts.deadLetters,
      actors: counts.actors,
      effects: counts.effects,
    };
  },
});
