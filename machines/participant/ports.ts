import { z } from "zod";
import { definePort } from "../port.ts";
import { deferReasons, hopReasons } from "../reasons.ts";

/** Independent evidence of one delivery. Times in epoch ms, null when not observed. */
const evidence = z.object({
  channel: z.string(),
  bytes: z.number().int(),
  firstByteAt: z.number().nullable(),
  submittedAt: z.number().nullable(),
  turnStartedAt: z.number().nullable(),
});
export type DeliveryEvidence = z.infer<typeof evidence>;

const target = { wakeId: z.string(), threadId: z.string(), agentId: z.string(), host: z.string() };

export const deliverWakeInput = z.object({
  ...target,
  runtimeId: z.string(),
  /** 1 for the first delivery of this wake. */
  attempt: z.number().int(),
  unread: z.number().int(),
  quietWindowMs: z.number().int(),
  /** An operator's override: collision guards are passed, identity, dialog and shell guards are not. */
  force: z.boolean(),
});
export type DeliverWakeInput = z.infer<typeof deliverWakeInput>;

const deliverWakeOutput = z.discriminatedUnion("verdict", [
  z.object({ verdict: z.literal("delivered"), evidence }),
  /** Bytes were written but no evidence of submission was found: wait for the ack, never paste again blindly. */
  z.object({ verdict: z.literal("unconfirmed"), evidence }),
  /** Nothing was written; try again later. */
  z.object({
    verdict: z.literal("deferred"),
    reason: z.enum(deferReasons),
    retryAfterMs: z.number().int().nullable(),
  }),
  /** Nothing was written, and this channel will not do. */
  z.object({ verdict: z.literal("refused"), reason: z.enum(hopReasons) }),
]);
export type DeliverWakeOutput = z.infer<typeof deliverWakeOutput>;

const byHost = (input: { host: string }) => input.host;
const byWake = (input: { wakeId: string }) => input.wakeId;

export const deliverWake = definePort({
  name: "deliverWake",
  summary:
    "Types one line that points to the unread work into the live terminal, and verifies that it was submitted.",
  input: deliverWakeInput,
  output: deliverWakeOutput,
  repeat: "once",
  retry: { attempts: 1, backoffMs: 0, maxBackoffMs: 0 },
  timeoutMs: 20_000,
  host: byHost,
  exclusive: (input) => `runtime/${input.runtimeId}`,
  correlation: byWake,
});

const startInput = z.object({
  ...target,
  /** Chosen by the chart from the wake id, so that a repeated attempt finds the same runtime. */
  runtimeId: z.string(),
  unread: z.number().int(),
});
const startOutput = z.discriminatedUnion("verdict", [
  /** The runtime's actor exists and launches; its reports tell how it goes. */
  z.object({ verdict: z.literal("started"), runtimeId: z.string() }),
  z.object({ verdict: z.literal("refused"), reason: z.enum(hopReasons) }),
]);

export const resumeSession = definePort({
  name: "resumeSession",
  summary: "Brings the agent's own session back to life in a new terminal, unless a living process holds it.",
  input: startInput.extend({ sessionId: z.string() }),
  output: startOutput,
  repeat: "idempotent",
  retry: { attempts: 3, backoffMs: 500, maxBackoffMs: 4_000 },
  timeoutMs: 20_000,
  host: byHost,
  exclusive: (input) => `agent/${input.agentId}`,
  correlation: byWake,
});

export const spawnSession = definePort({
  name: "spawnSession",
  summary: "Starts the agent anew in a new terminal with a bounded summary of the thread.",
  input: startInput,
  output: startOutput,
  repeat: "idempotent",
  retry: { attempts: 3, backoffMs: 500, maxBackoffMs: 4_000 },
  timeoutMs: 20_000,
  host: byHost,
  exclusive: (input) => `agent/${input.agentId}`,
  correlation: byWake,
});
