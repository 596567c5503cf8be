import { z } from "zod";
import { definePort } from "../port.ts";
import { noticeReasons } from "./contract.ts";

const notification = z.object({
  notificationId: z.string(),
  at: z.number(),
  count: z.number().int(),
  reasons: z.record(z.string(), z.number().int()),
  notices: z.array(
    z.object({
      noticeId: z.string(),
      reason: z.enum(noticeReasons),
      threadId: z.string().nullable(),
      agentId: z.string().nullable(),
      actor: z.templateLiteral([z.string(), "/", z.string()]),
      detail: z.string(),
      at: z.number(),
    }),
  ),
});

const input = z.object({ notifierId: z.string(), notification });
const onHost = input.extend({ host: z.string() });
type Input = z.output<typeof input>;

const shared = {
  // A message may come twice, never not at all: its id tells.
  repeat: "idempotent",
  correlation: (given: Input) => given.notification.notificationId,
} as const;

export const postWebhook = definePort({
  ...shared,
  name: "postWebhook",
  summary: "Posts a signed message to the webhook of the settings.",
  input,
  output: z.object({ status: z.number().int() }),
  retry: { attempts: 8, backoffMs: 5_000, maxBackoffMs: 300_000 },
  timeoutMs: 15_000,
});

const byHost = ({ host }: { host: string }): string => host;

export const runCommand = definePort({
  ...shared,
  name: "runCommand",
  summary: "Runs the command of the settings on its host, with the message as its last arguments.",
  input: onHost,
  output: z.object({}),
  retry: { attempts: 3, backoffMs: 2_000, maxBackoffMs: 10_000 },
  timeoutMs: 15_000,
  host: byHost,
});

export const ringBell = definePort({
  ...shared,
  name: "ringBell",
  summary: "Rings the terminals of people who look at agents of its host. Nothing is typed.",
  input: onHost,
  output: z.object({ rung: z.number().int() }),
  retry: { attempts: 1, backoffMs: 0, maxBackoffMs: 0 },
  timeoutMs: 15_000,
  host: byHost,
});
