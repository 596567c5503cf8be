import { z } from "zod";

/** Shapes of what commands make themselves. Times are ISO where they say so, else epoch ms. */

export const nodeFileShape = z.object({
  url: z.string(),
  pid: z.int(),
  pidStartedAt: z.string().nullable(),
  nodeId: z.string(),
  version: z.string(),
  workspace: z.string(),
  startedAt: z.number(),
});

const wholeWorkspace = {
  made_at: z.iso.datetime(),
  workspace_id: z.string(),
  tables: z.record(z.string(), z.int()),
  rows: z.int(),
};
export const backupShape = z.object({ file: z.string(), bytes: z.int(), ...wholeWorkspace });
export const restoreShape = z.object({
  ...wholeWorkspace,
  audit_checked: z.int(),
  audit_problems: z.array(z.string()),
});

export const activityShape = z.object({
  sessions: z.array(
    z.object({
      pid: z.int(),
      program: z.string(),
      user: z.string(),
      state: z.string(),
      transaction_ms: z.int().nullable(),
      waits_for: z.string().nullable(),
      blocked_by: z.array(z.int()),
      blocks: z.int(),
      query: z.string(),
    }),
  ),
});

export const demoShape = z.object({
  ok: z.boolean(),
  home: z.string(),
  backend: z.string().nullable(),
  seconds: z.number(),
  failure: z.string().nullable(),
  checks: z.array(z.object({ name: z.string(), problems: z.array(z.string()) })),
  deferrals: z.array(z.string()),
  receipts: z.array(
    z.object({
      wakeId: z.string(),
      agentId: z.string(),
      hops: z.array(z.string()),
      deliveries: z.int(),
      bytes: z.int(),
      isSubmitted: z.boolean(),
      isTurnStarted: z.boolean(),
      acknowledgedBy: z.string().nullable(),
      outcome: z.string().nullable(),
      latencies: z.object({
        firstByteMs: z.number().nullable(),
        submittedMs: z.number().nullable(),
        ackMs: z.number().nullable(),
      }),
    }),
  ),
  timeline: z.array(z.object({ at: z.number(), actor: z.string(), what: z.string() })),
});

export const doctorShape = z.object({
  kind: z.string(),
  ok: z.boolean(),
  checks: z.array(
    z.object({
      code: z.string(),
      status: z.enum(["ok", "warn", "fail"]),
      text: z.string(),
      next_step: z.string().nullable(),
    }),
  ),
});

export const connectShape = z.object({
  kind: z.string(),
  agent_id: z.string().nullable(),
  undo: z.boolean(),
  written: z.boolean(),
  files: z.array(z.object({ path: z.string(), diff: z.string() })),
});

/** `problem`: as the node's own check tells it. */
export const verificationShape = (problem: z.ZodType) =>
  z.object({
    holds: z.boolean(),
    checked: z.int(),
    checkpoint: z.string().nullable(),
    anchor: z.enum(["found", "not_found"]).nullable(),
    problems: z.array(problem),
    gaps: z.int(),
    unsealed: z.object({ rows: z.int(), oldest_at: z.iso.datetime().nullable() }).nullable(),
  });

export const checkShape = z.object({
  file: z.string(),
  charts: z.array(
    z.object({
      kind: z.string(),
      machine: z.string(),
      findings: z.array(
        z.object({
          severity: z.enum(["error", "warning"]),
          rule: z.string(),
          state: z.string(),
          what: z.string().nullable(),
          problem: z.string(),
          fix: z.string(),
        }),
      ),
      states: z.array(z.object({ id: z.string(), reached: z.boolean() })),
      transitions: z.array(z.object({ id: z.string(), name: z.string(), covered: z.boolean() })),
      unexampled: z.array(z.string()),
      positions: z.int(),
      holds: z.boolean(),
    }),
  ),
});

const aspects = z.array(z.enum(["states", "transitions", "effects", "timers", "mail", "records", "fate"]));
const outcome = z
  .object({
    fate: z.string(),
    why: z.string().nullable(),
    states: z.array(z.string()),
    transitions: z.array(z.string()),
    effects: z.array(z.unknown()),
    timers: z.array(z.unknown()),
    mail: z.array(z.unknown()),
    records: z.array(z.unknown()),
  })
  .nullable();
export const replayShape = z.object({
  actor: z.string(),
  machine: z.string().nullable(),
  entries: z.int(),
  faithful: z.boolean(),
  differences: z.int(),
  events: z.array(
    z.object({
      seq: z.int().nullable(),
      at: z.number(),
      from: z.string(),
      event: z.looseObject({ type: z.string() }),
      recorded: outcome,
      changed: outcome,
      differs: aspects,
    }),
  ),
  unfaithful: z.array(z.object({ seq: z.int(), differs: aspects })),
  skipped: z.int(),
});

/** As Stately's editor and `createMachine` read it. */
export const chartShape = z.looseObject({
  id: z.string(),
  states: z.record(z.string(), z.looseObject({})),
});

export const jsonRpcShape = z.looseObject({ jsonrpc: z.literal("2.0") });
