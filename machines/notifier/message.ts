import type { Notice, Notification } from "./contract.ts";
import type { NotifierContext, Waiting } from "./events.ts";

/** What waits, what is sent and what was told. Pure. */

/** The rest of a flood is counted. */
const noticesShown = 10;
const subjectsKept = 200;
const undeliveredKept = 20;

function subjectOf({ threadId, agentId, actor }: Notice): string {
  return threadId ?? agentId ?? actor;
}

function dueAtOf({ policy, toldAt, lastSentAt }: NotifierContext, notice: Notice, now: number): number {
  const told = toldAt[subjectOf(notice)];
  return Math.max(
    now + policy.collectMs,
    lastSentAt === null ? 0 : lastSentAt + policy.quietMs,
    told === undefined ? 0 : told + policy.threadQuietMs,
  );
}

export function waitingWith(context: NotifierContext, notice: Notice, now: number): Waiting {
  const { count, reasons, notices, dueAt } = context.waiting ?? {
    ...{ count: 0, reasons: {}, notices: [], dueAt: Infinity },
  };
  return {
    count: count + 1,
    reasons: { ...reasons, [notice.reason]: (reasons[notice.reason] ?? 0) + 1 },
    notices: notices.length < noticesShown ? [...notices, notice] : notices,
    dueAt: Math.min(dueAt, dueAtOf(context, notice, now)),
  };
}

/** A message may have been sent since the notice came. */
export function collectingMs({ waiting, lastSentAt, policy }: NotifierContext, now: number): number {
  const quietUntil = lastSentAt === null ? 0 : lastSentAt + policy.quietMs;
  return Math.max(0, Math.max(waiting?.dueAt ?? now, quietUntil) - now);
}

type Told = Pick<Notification, "count" | "reasons" | "notices">;

/** The time is part of the id: numbers begin anew where a database does. */
export function queueWith(context: NotifierContext, { count, reasons, notices }: Told, now: number) {
  const made = context.made + 1;
  const notificationId = `${context.notifierId}.${made}.${now.toString(36)}`;
  return { made, queue: [...context.queue, { notificationId, at: now, count, reasons, notices }] };
}

export function isTrial({ reasons }: Pick<Notification, "reasons">): boolean {
  return reasons["test"] !== undefined;
}

export function trial({ notifierId }: NotifierContext, by: string, now: number): Told {
  const notice: Notice = {
    noticeId: `notifier/${notifierId}@${now}`,
    reason: "test",
    threadId: null,
    agentId: null,
    actor: `notifier/${notifierId}`,
    detail: `${by} tries whether this arrives.`,
    at: now,
  };
  return { count: 1, reasons: { test: 1 }, notices: [notice] };
}

export function afterSent(context: NotifierContext, now: number): Partial<NotifierContext> {
  const [first, ...queue] = context.queue;
  const told = (first?.notices ?? []).filter(({ reason }) => reason !== "test").map(subjectOf);
  const kept = Object.entries(context.toldAt)
    .filter(([subject, at]) => now - at < context.policy.threadQuietMs && !told.includes(subject))
    .slice(told.length - subjectsKept);
  const toldAt = Object.fromEntries([...kept, ...told.map((subject) => [subject, now] as const)]);
  const wasTrial = first !== undefined && isTrial(first);
  return { queue, toldAt, lastSentAt: wasTrial ? context.lastSentAt : now, sent: context.sent + 1 };
}

export function afterGivenUp({ queue, undelivered, givenUp }: NotifierContext): Partial<NotifierContext> {
  const [first, ...rest] = queue;
  if (first === undefined) return {};
  return {
    queue: rest,
    undelivered: [...undelivered, first].slice(-undeliveredKept),
    givenUp: givenUp + 1,
  };
}
