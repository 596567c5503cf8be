import { z } from "zod";
import { agentId, caps, limit, threadId } from "./fields.ts";
import { formatEventCursor, parseEventCursor, readAfter, type EventCursor } from "./event-cursor.ts";
import { EventLens, type EventFilter } from "./event-lens.ts";
import { eventShape, eventTypes } from "./event-view.ts";
import { defineQuery } from "./operation.ts";
import { everyone } from "./role-sets.ts";

/** What a follower chooses, whether it asks page by page or holds a stream. */
export const eventQuery = {
  thread_id: threadId.optional(),
  agent_id: agentId.optional().describe("Only what is about this agent."),
  types: z
    .string()
    .max(1_000)
    .refine((text) => namesIn(text).every((name) => eventTypes.some((type) => type === name)), {
      message: `must be types of events, divided by commas: ${eventTypes.join(", ")}`,
    })
    .optional()
    .describe("Types of events, divided by commas; left out: all."),
  after: z
    .string()
    .regex(/^\d{1,19}(?:\.\d{1,4})?$/, "must be the id of an event")
    .optional()
    .describe("Id of the last event you have; 0 is the beginning."),
};
const eventQueryShape = z.object(eventQuery);

export function eventFilter(input: z.output<typeof eventQueryShape>): EventFilter {
  const { thread_id, agent_id, types } = input;
  return {
    threadId: thread_id,
    agentId: agent_id,
    types: types === undefined ? undefined : namesIn(types),
  };
}

function namesIn(text: string): string[] {
  return text.split(",").map((name) => name.trim());
}

/** What a caller does not see costs reading too. */
const entriesRead = 1_000;
const entriesAtOnce = 200;

export const listEvents = defineQuery({
  name: "list_events",
  summary:
    "What happened in your threads, or with oversight in the workspace, as typed events. Oldest first.",
  guidance: "Follow them by `next_cursor`, or as a stream at GET /v1/events.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/events/history" },
  roles: everyone,
  refusals: ["thread_not_found", "not_a_participant"],
  input: { ...eventQuery, limit, cursor: eventQuery.after.describe("`next_cursor` of the page before.") },
  output: {
    events: z.array(eventShape),
    next_cursor: z.string().describe("Where to go on, also after the last page: more will happen."),
    has_more: z.boolean().describe("A page may be short, or empty, and have more behind it."),
  },
  async handler({ caller, input, store }) {
    let cursor = parseEventCursor(input.cursor ?? input.after ?? "0");
    const { upTo } = await store.journalHorizon();
    const lens = await EventLens.open(store, caller, eventFilter(input));
    const wanted = input.limit ?? caps.pageSize;
    for (let read = 0; read < entriesRead; read += entriesAtOnce) {
      const entries = await store.listJournal({ after: readAfter(cursor), upTo, limit: entriesAtOnce });
      const events = await lens.look(entries, cursor);
      const last = events[wanted - 1];
      if (last !== undefined) {
        return { events: events.slice(0, wanted), next_cursor: last.event_id, has_more: true };
      }
      cursor = endOf(entries.at(-1)?.journalId, cursor);
      const has_more = entries.length === entriesAtOnce;
      if (events.length > 0 || !has_more) return { events, next_cursor: formatEventCursor(cursor), has_more };
    }
    return { events: [], next_cursor: formatEventCursor(cursor), has_more: true };
  },
});

/** After the whole of an entry, unless that would be a step back. */
export function endOf(journalId: string | undefined, before: EventCursor): EventCursor {
  if (journalId === undefined || BigInt(journalId) < before.journalId) return before;
  return { journalId: BigInt(journalId), index: null };
}
