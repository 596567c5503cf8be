import { z } from "zod";
import type { WakeEffect } from "../../runtime/domain.ts";
import {
  agentId,
  cursor,
  iso,
  isoOrNull,
  limit,
  page,
  pageEnd,
  pageQuery,
  threadId,
  timestamp,
} from "./fields.ts";
import { actorAddress, journalEntryShape, journalEntryView } from "./journal-view.ts";
import { defineQuery } from "./operation.ts";
import { everyone, overseers, seesEverything } from "./role-sets.ts";
import { requireReadable } from "./access.ts";

/** What was recorded: wake receipts and the actors' journal. For the audit see `audit-trail.ts`. */

const wakeEffect = z.object({
  port: z.string(),
  attempt: z.int(),
  status: z.string(),
  requested_at: timestamp,
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  outcome: z.unknown().describe("Evidence of the delivery, or the error."),
});

function effectView(effect: WakeEffect): z.input<typeof wakeEffect> {
  return {
    port: effect.port,
    attempt: effect.attempt,
    status: effect.status,
    requested_at: iso(effect.requestedAt),
    started_at: isoOrNull(effect.startedAt),
    finished_at: isoOrNull(effect.finishedAt),
    outcome: effect.outcome,
  };
}

export const listWakes = defineQuery({
  name: "list_wakes",
  summary: "Receipts of wakes with their independent evidence, newest first.",
  toolset: "coordination",
  http: { method: "GET", path: "/v1/wakes" },
  roles: everyone,
  refusals: ["thread_not_found", "not_a_participant"],
  input: {
    thread_id: threadId.optional(),
    agent_id: agentId.optional().describe("Without oversight: yours, unless you name a thread."),
    wake_id: z
      .string()
      .regex(/^[a-z0-9.-]{1,96}$/)
      .optional(),
    limit,
  },
  output: {
    wakes: z.array(
      z.object({
        wake_id: z.string(),
        thread_id: z.string(),
        agent_id: z.string(),
        head_seq: z.int(),
        opened_at: timestamp,
        acknowledged_at: timestamp.nullable(),
        acknowledged_by: z.enum(["heartbeat", "cursor"]).nullable(),
        closed_at: timestamp.nullable(),
        outcome: z.string().nullable().describe("read, blocked, withdrawn; null while it goes on."),
        reason: z.string().nullable(),
        effects: z.array(wakeEffect),
      }),
    ),
  },
  async handler({ caller, input, store }) {
    const thread = input.thread_id;
    if (thread !== undefined) {
      await store.transaction((tx) => requireReadable(tx, caller, thread), { readOnly: true });
    }
    const isOwn = thread === undefined && !seesEverything(caller.role);
    const agent = isOwn ? caller.agentId : input.agent_id;
    const wakes = await store.listWakes({
      limit: input.limit ?? 50,
      ...(thread === undefined ? {} : { threadId: thread }),
      ...(agent === undefined ? {} : { agentId: agent }),
      ...(input.wake_id === undefined ? {} : { wakeId: input.wake_id }),
    });
    return {
      wakes: wakes.map((wake) => ({
        wake_id: wake.wakeId,
        thread_id: wake.threadId,
        agent_id: wake.agentId,
        head_seq: wake.headSeq,
        opened_at: iso(wake.openedAt),
        acknowledged_at: isoOrNull(wake.acknowledgedAt),
        acknowledged_by: wake.acknowledgedBy,
        closed_at: isoOrNull(wake.closedAt),
        outcome: wake.outcome,
        reason: wake.reason,
        effects: wake.effects.map(effectView),
      })),
    };
  },
});

export const getJournal = defineQuery({
  name: "get_journal",
  summary:
    "History of one actor or of the whole workspace: events, transitions taken, states reached. Oldest first.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/journal" },
  roles: overseers,
  input: { address: actorAddress.optional(), limit, cursor },
  output: {
    entries: z.array(journalEntryShape),
    ...page,
  },
  async handler({ input, store }) {
    const query = pageQuery(input);
    const about = input.address;
    const rows = await store.listJournal({ ...query, ...(about === undefined ? {} : { address: about }) });
    const last = rows.at(-1);
    const isFull = last !== undefined && rows.length === query.limit;
    const next = isFull ? (about === undefined ? last.journalId : String(last.seq)) : null;
    return {
      entries: rows.map(journalEntryView),
      ...pageEnd(next),
    };
  },
});
