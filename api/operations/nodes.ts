import { z } from "zod";
import { iso, timestamp } from "./fields.ts";
import { defineQuery } from "./operation.ts";
import { overseers } from "./role-sets.ts";

export const listNodes = defineQuery({
  name: "list_nodes",
  summary:
    "Processes that share the work: host, last beat, charts, effects in hand, whether they are draining.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/nodes" },
  roles: overseers,
  input: {},
  output: {
    now: timestamp.describe("By the database's clock, as the beats are."),
    nodes: z.array(
      z.object({
        node_id: z.string(),
        instance: z.string().describe("New with every start of the process."),
        host: z.string(),
        url: z.string(),
        pid: z.int().nullable(),
        started_at: timestamp,
        last_beat_at: timestamp,
        charts: z.array(z.string()).describe("kind@hash: whose actors can go on there."),
        effects_in_hand: z.int(),
        draining: z.boolean().describe("It takes no new work."),
      }),
    ),
  },
  async handler({ store }) {
    const nodes = await store.listNodes();
    const now = await store.transaction((tx) => Promise.resolve(tx.now), { readOnly: true });
    return {
      now: iso(now),
      nodes: nodes.map((node) => ({
        node_id: node.nodeId,
        instance: node.instance,
        host: node.host,
        url: node.url,
        pid: node.process?.pid ?? null,
        started_at: iso(node.startedAt),
        last_beat_at: iso(node.beatAt),
        charts: [...node.charts],
        effects_in_hand: node.effectsInHand,
        draining: node.draining,
      })),
    };
  },
});
