import { z } from "zod";
import { noticeReasons, notifierMeans, type Notification } from "../../machines/notifier/contract.ts";
import type { NotifierContext, NotifierEvent } from "../../machines/notifier/events.ts";
import { isTrial } from "../../machines/notifier/message.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Store, StoredActor, StoredEffect, Transaction } from "../../runtime/store.ts";
import { requireReason } from "./access.ts";
import { notifierContext, statesOf } from "./actor-view.ts";
import { authorityOf } from "./authority.ts";
import { iso, isoOrNull, limit, reason, text, timestamp } from "./fields.ts";
import { defineMutation, defineQuery, type MutationCall } from "./operation.ts";
import { overseers, people } from "./role-sets.ts";

/** How people are told: the ways there are, what went out by them, and what did not arrive. */

const notifierShape = z.object({
  notifier_id: z.string(),
  means: z.enum(notifierMeans),
  host: z.string().nullable().describe("The only host that can do it; null: any node that has the webhook."),
  state: z.string().describe("quiet, collecting, sending, or off."),
  waiting: z.int().describe("Notices that no message tells of yet."),
  undelivered: z.int().describe("Messages that were given up and can be sent once more."),
  sent: z.int(),
  given_up: z.int(),
  last_sent_at: timestamp.nullable(),
});

const notificationShape = z.object({
  notification_id: z.string(),
  notifier_id: z.string(),
  status: z.enum(["pending", "running", "done", "failed", "cancelled", "uncertain"]),
  attempt: z.int(),
  count: z.int().describe("Of notices in it."),
  reasons: z.record(z.string(), z.int()),
  notices: z
    .array(
      z.object({
        notice_id: z.string(),
        reason: z.enum(noticeReasons),
        thread_id: z.string().nullable(),
        agent_id: z.string().nullable(),
        actor: z.string(),
        at: timestamp,
      }),
    )
    .describe("The first ten."),
  requested_at: timestamp,
  next_try_at: timestamp.nullable(),
  finished_at: timestamp.nullable(),
  error: z.looseObject({ code: z.string(), message: z.string() }).nullable(),
});

function notifierView(actor: StoredActor): z.input<typeof notifierShape> {
  const context = notifierContext(actor);
  return {
    notifier_id: context.notifierId,
    means: context.means,
    host: context.host,
    state: actor.status === "quarantined" ? "quarantined" : (statesOf(actor)[0]?.split(".")[0] ?? ""),
    waiting: context.waiting?.count ?? 0,
    undelivered: context.undelivered.length,
    sent: context.sent,
    given_up: context.givenUp,
    last_sent_at: isoOrNull(context.lastSentAt),
  };
}

function notificationView(effect: StoredEffect): z.input<typeof notificationShape> {
  const { notifierId, notification } = effect.input as { notifierId: string; notification: Notification };
  return {
    notification_id: notification.notificationId,
    notifier_id: notifierId,
    status: effect.status,
    attempt: effect.attempt,
    count: notification.count,
    reasons: notification.reasons,
    notices: notification.notices.map((notice) => ({
      notice_id: notice.noticeId,
      reason: notice.reason,
      thread_id: notice.threadId,
      agent_id: notice.agentId,
      actor: notice.actor,
      at: iso(notice.at),
    })),
    requested_at: iso(effect.requestedAt),
    next_try_at: isoOrNull(effect.nextTryAt),
    finished_at: isoOrNull(effect.finishedAt),
    error: effect.status === "done" ? null : errorOf(effect.outcome),
  };
}

function errorOf(outcome: unknown): { code: string; message: string } | null {
  return z.object({ code: z.string(), message: z.string() }).safeParse(outcome).data ?? null;
}

async function notifiersOf(tx: Transaction): Promise<StoredActor[]> {
  const found = await tx.listActorsBySubject({ kind: "notifier", subject: "people" });
  return found.toSorted((a, b) => (a.address < b.address ? -1 : 1));
}

async function sentBy(
  store: Store,
  notifiers: readonly StoredActor[],
  most: number,
): Promise<StoredEffect[]> {
  const found = await Promise.all(
    notifiers.map(({ address }) => store.listEffects({ address, limit: most })),
  );
  return found
    .flat()
    .toSorted((a, b) => b.requestedAt - a.requestedAt)
    .slice(0, most);
}

export const listNotifications = defineQuery({
  name: "list_notifications",
  summary: "How people are told of what needs them, and the latest messages with what became of them.",
  toolset: "operation",
  http: { method: "GET", path: "/v1/notifications" },
  roles: overseers,
  input: { limit },
  output: { notifiers: z.array(notifierShape), notifications: z.array(notificationShape) },
  async handler({ input, store }) {
    const notifiers = await store.transaction(notifiersOf, { readOnly: true });
    const effects = await sentBy(store, notifiers, input.limit ?? 20);
    return {
      notifiers: notifiers.map(notifierView),
      notifications: effects.map(notificationView),
    };
  },
});

const one = {
  notifier_id: text(128).optional().describe("Left out: all."),
  reason: reason.optional().describe("Why."),
};
const told = { notifiers: z.array(notifierShape) };

type Told = MutationCall<{ notifier_id?: string | undefined; reason?: string | undefined }>;

async function tellNotifiers(
  { tx, workspace, caller, input }: Told,
  eventOf: (authority: ReturnType<typeof authorityOf>) => NotifierEvent,
): Promise<StoredActor[]> {
  const all = await notifiersOf(tx);
  const wanted = all.filter(
    (actor) => input.notifier_id === undefined || notifierContext(actor).notifierId === input.notifier_id,
  );
  if (wanted.length === 0) throw noNotifier(all.map((actor) => notifierContext(actor)));
  const event = eventOf(authorityOf(caller, input.reason ?? ""));
  const notifiers: StoredActor[] = [];
  for (const { address } of wanted) {
    const { actor } = await workspace.engine.command(tx, {
      to: address,
      event: { ...event },
      from: caller.agentId,
    });
    notifiers.push(actor);
  }
  return notifiers;
}

function noNotifier(known: readonly NotifierContext[]): RouseError {
  const names = known.map(({ notifierId }) => notifierId).join(", ");
  return known.length === 0
    ? new RouseError("not_found", "nobody is told: the settings of no node name a way", {
        nextStep: "Set notifications.webhook, command or bell in config.json, and start the node again.",
      })
    : new RouseError("not_found", "there is no such notifier", { nextStep: `Name one of: ${names}.` });
}

const refusals = ["not_found", "actor_quarantined"] as const;

export const testNotifications = defineMutation({
  name: "test_notifications",
  summary: "Sends a trial by one notifier or all of them, at once.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/notifications/test" },
  roles: people,
  refusals,
  idempotent: false,
  input: one,
  output: {
    ...told,
    notification_ids: z
      .array(z.string())
      .describe("Of the trials; one that waits already is the one, and a notifier that is off makes none."),
  },
  async handler(call) {
    const actors = await tellNotifiers(call, (authority) => ({ type: "test.requested", ...authority }));
    const on = actors.map(notifierContext).filter(({ isOn, isServed }) => isOn && isServed);
    const trials = on.flatMap(({ queue }) => queue.find(isTrial) ?? []);
    return {
      notifiers: actors.map(notifierView),
      notification_ids: trials.map(({ notificationId }) => notificationId),
    };
  },
});

export const retryNotifications = defineMutation({
  name: "retry_notifications",
  summary: "Sends once more what was given up, under the same ids.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/notifications/retry" },
  roles: people,
  refusals,
  idempotent: true,
  input: one,
  output: told,
  async handler(call) {
    const actors = await tellNotifiers(call, (authority) => ({ type: "retry.requested", ...authority }));
    return { notifiers: actors.map(notifierView) };
  },
});

export const switchNotifications = defineMutation({
  name: "switch_notifications",
  summary:
    "Switches a notifier, or all of them, off or on. What is told meanwhile stays in list_escalations alone.",
  toolset: "operation",
  http: { method: "POST", path: "/v1/notifications/switch" },
  roles: people,
  refusals: [...refusals, "reason_required"],
  idempotent: true,
  input: { ...one, on: z.boolean() },
  output: told,
  async handler(call) {
    requireReason(call.input.reason, "switching a notifier");
    const isOn = call.input.on;
    const actors = await tellNotifiers(call, (authority) => ({
      type: "notifier.switched",
      isOn,
      ...authority,
    }));
    return { notifiers: actors.map(notifierView) };
  },
});
