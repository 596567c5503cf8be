import { z } from "zod";
import { registeredMachines } from "../../machines/registry.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { EffectAttempt, StoredEffect } from "../../runtime/store.ts";
import { effectSentence } from "./effect-sentence.ts";
import { iso, isoOrNull, limit, timestamp } from "./fields.ts";
import { actorAddress } from "./journal-view.ts";
import { defineQuery } from "./operation.ts";
import { overseers } from "./role-sets.ts";

/** Outside work that charts asked for: how often it was tried, who holds it, what became of it. */

const status = z.enum(["pending", "running", "done", "failed", "cancelled", "uncertain"]);

const effectShape = z.object({
  address: z.string(),
  incarnation: z.int().describe("With the address the effect's key."),
  port: z.string(),
  status,
  sentence: z.string().describe("What this means, in words."),
  attempt: z.int(),
  most_attempts: z
    .int()
    .nullable()
    .describe("By the port's policy; null when it goes on as long as its state."),
  host: z.string().nullable().describe("Only there it may be performed."),
  node_id: z.string().nullable().describe("Holder of the latest attempt."),
  lease_expires_at: timestamp.nullable(),
  next_try_at: timestamp.nullable(),
  requested_at: timestamp,
  started_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  outcome: z.unknown().describe("Output or error."),
});

function effectView(effect: StoredEffect): z.input<typeof effectShape> {
  return {
    address: effect.address,
    incarnation: effect.incarnation,
    port: effect.port,
    status: effect.status,
    sentence: effectSentence(effect),
    attempt: effect.attempt,
    most_attempts: policyOf(effect.port)?.most_attempts ?? null,
    host: effect.host,
    node_id: effect.nodeId,
    lease_expires_at: isoOrNull(effect.leaseExpiresAt),
    next_try_at: isoOrNull(effect.nextTryAt),
    requested_at: iso(effect.requestedAt),
    started_at: isoOrNull(effect.startedAt),
    finished_at: isoOrNull(effect.finishedAt),
    outcome: effect.outcome,
  };
}

const policyShape = z.object({
  repeat: z.enum(["idempotent", "once"]).describe("once: never begun a second time blindly."),
  most_attempts: z.int().nullable(),
  backoff_ms: z.int(),
  max_backoff_ms: z.int(),
  timeout_ms: z.int().nullable().describe("Null: a watch, which runs as long as its state."),
});

function policyOf(name: string): z.input<typeof policyShape> | null {
  const port = registeredMachines.flatMap(({ ports }) => ports).find((each) => each.name === name);
  if (port === undefined) return null;
  const { repeat, retry, timeoutMs } = port;
  return {
    repeat,
    most_attempts: timeoutMs === null ? null : retry.attempts,
    backoff_ms: retry.backoffMs,
    max_backoff_ms: retry.maxBackoffMs,
    timeout_ms: timeoutMs,
  };
}

export const listEffects = defineQuery({
  name: "list_effects",
  summary: "Outside work: attempts, next try, who holds it, how it ended. Newest first.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/effects" },
  roles: overseers,
  input: {
    address: actorAddress.optional(),
    status: status.optional().describe("uncertain: begun, and nobody knows whether it happened."),
    limit,
  },
  output: { effects: z.array(effectShape) },
  async handler({ input, store }) {
    const effects = await store.listEffects({
      limit: input.limit ?? 50,
      ...(input.address === undefined ? {} : { address: input.address }),
      ...(input.status === undefined ? {} : { status: input.status }),
    });
    return { effects: effects.map(effectView) };
  },
});

const attemptShape = z.object({
  attempt: z.int(),
  node_id: z.string(),
  claimed_at: timestamp,
  started_at: timestamp
    .nullable()
    .describe("The mark before the first outside act of work that is done once."),
  finished_at: timestamp.nullable(),
  outcome: z
    .string()
    .nullable()
    .describe("Also retry, expired (its node fell silent), cancelled; null while it runs."),
  error: z.looseObject({ code: z.string(), message: z.string() }).nullable(),
});

function attemptView(attempt: EffectAttempt): z.input<typeof attemptShape> {
  return {
    attempt: attempt.attempt,
    node_id: attempt.nodeId,
    claimed_at: iso(attempt.claimedAt),
    started_at: isoOrNull(attempt.startedAt),
    finished_at: isoOrNull(attempt.finishedAt),
    outcome: attempt.outcome,
    error: attempt.error === null ? null : { ...attempt.error },
  };
}

export const getEffect = defineQuery({
  name: "get_effect",
  summary: "One piece of outside work with every attempt and the port's retry policy.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/effects/attempts" },
  roles: overseers,
  refusals: ["not_found"],
  input: { incarnation: z.int().min(1).describe("Of the effect."), address: actorAddress },
  output: {
    effect: effectShape,
    input: z.unknown(),
    attempts: z.array(attemptShape),
    policy: policyShape.nullable(),
  },
  async handler({ input: { address, incarnation }, store }) {
    const effect = await store.getEffect({ address, incarnation });
    if (effect === null) throw unknownEffect(address, incarnation);
    const attempts = await store.listAttempts({ address, incarnation });
    return {
      effect: effectView(effect),
      input: effect.input,
      attempts: attempts.map(attemptView),
      policy: policyOf(effect.port),
    };
  },
});

function unknownEffect(address: string, incarnation: number): RouseError {
  return new RouseError("not_found", `${address} has no effect ${incarnation}`, {
    nextStep: "List its effects to find the number.",
    details: { address, incarnation },
  });
}
