import { z } from "zod";
import { addresses, type Address } from "../../machines/mail.ts";
import { threadStatuses } from "../../machines/participant/contract.ts";
import type { ParticipantContext } from "../../machines/participant/events.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Store, StoredActor } from "../../runtime/store.ts";
import { requireMember, requireReadable } from "./access.ts";
import { participantContext, statesOf } from "./actor-view.ts";
import { describeState } from "./chart-description.ts";
import { guardShape, guardsOf } from "./explain-guards.ts";
import { explainSentence } from "./explain-sentence.ts";
import { agentId, iso, isoOrNull, threadId, timestamp } from "./fields.ts";
import type { Caller } from "./caller.ts";
import { defineQuery } from "./operation.ts";
import { participantShape, participantView } from "./participant-view.ts";
import { everyone, seesEverything } from "./role-sets.ts";
import { tokenNote } from "./token-note.ts";

const hop = z.object({ hop: z.string(), at: timestamp, outcome: z.string(), reason: z.string().nullable() });

const explanation = z.object({
  sentence: z.string(),
  next: z.string().describe("What happens next by itself, or what somebody must do."),
  next_at: timestamp
    .nullable()
    .describe("When it happens by itself: the earliest timer. null: at the next news."),
  participant: participantShape,
  chart: z.array(z.object({ state: z.string(), descriptions: z.array(z.string()) })),
  facts: z
    .object({
      thread_status: z.enum(threadStatuses),
      runtime_id: z.string().nullable(),
      runtime_state: z.string().nullable(),
      runtime_management: z.string().nullable(),
      runtime_injection: z.string().nullable(),
      session_id: z.string().nullable(),
      spawn_host: z.string().nullable(),
      wakes_in_window: z.int(),
      wakes_allowed: z.int(),
    })
    .describe("What the chart's guards look at."),
  guards: z.array(guardShape).describe("How the chart would decide now, in the order in which it asks."),
  path: z
    .array(
      z.object({
        at: timestamp,
        event: z.string(),
        transitions: z.array(z.string()),
        states: z.array(z.string()),
      }),
    )
    .describe("The last steps that led here, oldest first."),
  wake: z
    .object({
      wake_id: z.string(),
      opened_at: timestamp,
      triggers: z.int(),
      resumes: z.int(),
      spawns: z.int(),
      forced: z.boolean(),
      delivered_at: timestamp.nullable(),
      deferred_since: timestamp.nullable(),
      defer_reason: z.string().nullable(),
      hops: z.array(hop),
    })
    .nullable(),
  timers: z.array(z.object({ id: z.string(), due_at: timestamp })),
  effects: z
    .array(
      z.object({
        port: z.string(),
        status: z.string(),
        attempt: z.int(),
        requested_at: timestamp,
        next_try_at: timestamp.nullable(),
        node_id: z.string().nullable(),
      }),
    )
    .describe("Outside work asked for and not finished."),
});

/** One agent is in some threads, not in thousands: newest first. */
const mostExplained = 20;

export const explain = defineQuery({
  name: "explain",
  summary:
    "Why is this agent not awake? Says it in one sentence, then with states, facts, timers and last hops.",
  toolset: "coordination",
  http: { method: "GET", path: "/v1/explain/:agent_id" },
  roles: everyone,
  refusals: ["thread_not_found", "not_a_participant"],
  input: {
    agent_id: agentId,
    thread_id: threadId
      .optional()
      .describe("Left out: all its threads, for those with oversight or the agent itself."),
  },
  output: {
    agent_id: z.string(),
    token: z
      .string()
      .nullable()
      .describe("That its token ends soon or has ended, and the cure. null: all is well."),
    explanations: z.array(explanation),
  },
  async handler({ caller, input, store, workspace }) {
    const actors = await participantsToExplain(store, caller, input);
    const explanations = await Promise.all(
      actors.slice(0, mostExplained).map((actor) => explained(store, actor, workspace.clock.now())),
    );
    const token = await store.transaction((tx) => tokenNote(tx, input.agent_id, workspace.tokens.policy), {
      readOnly: true,
    });
    return { agent_id: input.agent_id, token, explanations };
  },
});

async function participantsToExplain(
  store: Store,
  caller: Caller,
  { agent_id: agent, thread_id: thread }: { agent_id: string; thread_id?: string | undefined },
): Promise<StoredActor[]> {
  if (thread === undefined && !seesEverything(caller.role) && agent !== caller.agentId) {
    throw new RouseError("forbidden", "without oversight another agent is explained by thread", {
      nextStep: "Name a thread that you share in thread_id.",
    });
  }
  return store.transaction(
    async (tx) => {
      if (thread === undefined) return tx.listActorsBySubject({ kind: "participant", subject: agent });
      await requireReadable(tx, caller, thread);
      await requireMember(tx, thread, agent);
      const actor = await tx.getActor(addresses.participant(thread, agent));
      return actor === null ? [] : [actor];
    },
    { readOnly: true },
  );
}

async function explained(
  store: Store,
  actor: StoredActor,
  now: number,
): Promise<z.input<typeof explanation>> {
  const context = participantContext(actor);
  const [timers, effects, path] = await Promise.all([
    store.listTimers(actor.address),
    unfinishedEffects(store, actor.address),
    pathOf(store, actor),
  ]);
  const { runtime } = context.agent;
  const dueAt = timers.map((timer) => timer.dueAt).toSorted((a, b) => a - b)[0] ?? null;
  return {
    ...explainSentence(actor, { dueAt, ports: effects.map(({ port }) => port) }),
    next_at: isoOrNull(dueAt),
    guards: guardsOf(context, now),
    path,
    participant: participantView(actor),
    chart: statesOf(actor).map((state) => ({ state, descriptions: describeState(actor.kind, state) })),
    facts: {
      thread_status: context.threadStatus,
      runtime_id: runtime?.runtimeId ?? null,
      runtime_state: runtime?.state ?? null,
      runtime_management: runtime?.management ?? null,
      runtime_injection: runtime?.injection ?? null,
      session_id: context.agent.session?.sessionId ?? null,
      spawn_host: context.agent.spawnHost,
      wakes_in_window: context.recentWakes.length,
      wakes_allowed: context.policy.wakesPerWindow,
    },
    wake: wakeOf(context),
    timers: timers.map((timer) => ({ id: timer.id, due_at: iso(timer.dueAt) })),
    effects,
  };
}

function wakeOf({ wake }: ParticipantContext): z.input<typeof explanation>["wake"] {
  if (wake === null) return null;
  return {
    wake_id: wake.wakeId,
    opened_at: iso(wake.openedAt),
    triggers: wake.triggers,
    resumes: wake.resumes,
    spawns: wake.spawns,
    forced: wake.forced,
    delivered_at: isoOrNull(wake.deliveredAt),
    deferred_since: isoOrNull(wake.deferredSince),
    defer_reason: wake.deferReason,
    hops: wake.hops.map(({ hop: name, at, outcome, reason }) => ({
      hop: name,
      at: iso(at),
      outcome,
      reason,
    })),
  };
}

/** More is in the journal. */
const stepsShown = 6;

async function pathOf(store: Store, { address, version }: StoredActor) {
  const entries = await store.listJournal({
    address,
    after: String(Math.max(0, version - stepsShown)),
    limit: stepsShown,
  });
  return entries.map(({ at, event, transitions, states }) => ({
    at: iso(at),
    event: event.type,
    transitions: [...transitions],
    states: [...states],
  }));
}

async function unfinishedEffects(store: Store, address: Address) {
  const found = await Promise.all(
    (["pending", "running"] as const).map((status) => store.listEffects({ address, status, limit: 10 })),
  );
  return found.flat().map(({ port, status, attempt, requestedAt, nextTryAt, nodeId }) => ({
    port,
    status,
    attempt,
    requested_at: iso(requestedAt),
    next_try_at: isoOrNull(nextTryAt),
    node_id: nodeId,
  }));
}
