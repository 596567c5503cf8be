import type { NotifierMeans, NotifierPolicy } from "../../machines/notifier/contract.ts";
import type { NotifierContext, NotifierEvent } from "../../machines/notifier/events.ts";
import { notifierMachine } from "../../machines/notifier/machine.ts";
import type { Model, Position } from "../../runtime/model/model.ts";

/** The notifier as a model: notices of two threads, every command, and what its port may answer. */

type At = Position<NotifierContext>;

export const modelPolicy: NotifierPolicy = { collectMs: 2, quietMs: 5, threadQuietMs: 20 };

export const operator = { by: "ada", role: "operator", reason: "because" } as const;

export function raised(subject: number, noticeId = `participant/th-${subject}.bob@1`): NotifierEvent {
  return {
    type: "notice.raised",
    noticeId,
    reason: "unanswered",
    threadId: `th-${subject}`,
    agentId: "bob",
    actor: `participant/th-${subject}.bob`,
    detail: "bob read message 1 of ann and did not reply within 30 min.",
  };
}

const hosts: Record<NotifierMeans, string | null> = { webhook: null, command: "h", bell: "h" };

export function notifierModel(means: NotifierMeans, policy = modelPolicy): Model<NotifierContext> {
  const host = hosts[means];
  return {
    machine: notifierMachine,
    address: `notifier/${means}`,
    input: { notifierId: means, means, host, policy },
    mail: ({ context }: At) => ({
      "notice.raised": (context.waiting?.count ?? 0) < 2 ? [raised(1), raised(2)] : [],
      "notifier.configured": [
        { type: "notifier.configured", policy, isServed: true },
        { type: "notifier.configured", policy, isServed: false },
      ],
      "notifier.switched": [true, false].flatMap((isOn) => [
        { type: "notifier.switched", isOn, ...operator },
        { type: "notifier.switched", isOn, ...operator, role: "participant" },
      ]),
      "test.requested": context.queue.length < 2 ? [{ type: "test.requested", ...operator }] : [],
      "retry.requested": [{ type: "retry.requested", ...operator }],
    }),
    outcomes: {
      postWebhook: { done: [{ status: 200 }], failed: ["port_failed"] },
      runCommand: { done: [{}], failed: ["port_failed"] },
      ringBell: { done: [{ rung: 1 }], failed: ["port_failed"] },
    },
    abstraction: ({ value, context, now }) => [
      value,
      context.waiting === null ? null : context.waiting.dueAt > now,
      Math.min(context.queue.length, 2),
      Math.min(context.undelivered.length, 1),
      context.isOn,
      context.isServed,
    ],
  };
}
