import { z } from "zod";
import { escalationReasons } from "../../machines/reasons.ts";
import { cursor, iso, limit, page, pageEnd, pageQuery, threadId, timestamp } from "./fields.ts";
import { defineQuery } from "./operation.ts";
import { overseers } from "./role-sets.ts";

export const listEscalations = defineQuery({
  name: "list_escalations",
  summary: "What the system handed to a person: who is blocked or owes a reply, where, when and why.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/escalations" },
  roles: overseers,
  input: { thread_id: threadId.optional(), limit, cursor },
  output: {
    escalations: z.array(
      z.object({
        escalation_id: z.string(),
        thread_id: z.string().nullable(),
        agent_id: z.string().nullable().describe("null: the whole thread."),
        reason: z.enum(escalationReasons),
        detail: z.string(),
        at: timestamp,
      }),
    ),
    ...page,
  },
  async handler({ input, store }) {
    const thread = input.thread_id;
    const query = { ...pageQuery(input), ...(thread === undefined ? {} : { threadId: thread }) };
    const { rows, next } = await store.listEscalations(query);
    const escalations = rows.map(({ escalationId, threadId: of, agentId, reason, detail, at }) => ({
      escalation_id: escalationId,
      thread_id: of,
      agent_id: agentId,
      reason,
      detail,
      at: iso(at),
    }));
    return { escalations, ...pageEnd(next) };
  },
});
