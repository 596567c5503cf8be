import type { Notice, Notification } from "../../../machines/notifier/contract.ts";
import { RouseError } from "../../../runtime/errors.ts";
import type { AnyPortImplementation } from "../../../runtime/ports.ts";

/** A message as its chart makes it. */
export function notification(given: Partial<Notice> = {}, more: Partial<Notification> = {}): Notification {
  const notice: Notice = {
    noticeId: "participant/th-1.bob@7",
    reason: "unanswered",
    threadId: "th-1",
    agentId: "bob",
    actor: "participant/th-1.bob",
    detail: "written by \u001b[31mothers <b>& co</b>\n",
    at: Date.UTC(2026, 0, 2),
    ...given,
  };
  return {
    notificationId: "webhook.1.abc",
    at: notice.at,
    count: 1,
    reasons: { [notice.reason]: 1 },
    notices: [notice],
    ...more,
  };
}

/** Performs the port as the engine does. */
export function perform(port: AnyPortImplementation, message: Notification, host?: string): Promise<unknown> {
  const unexpected = (): never => {
    throw new RouseError("internal", "a notifier's port has no business here");
  };
  return port.perform({
    input: { notifierId: "webhook", notification: message, ...(host === undefined ? {} : { host }) },
    address: "notifier/webhook",
    key: "notifier/webhook:1",
    attempt: 1,
    lease: { address: "notifier/webhook", incarnation: 1, token: 1 },
    signal: AbortSignal.timeout(20_000),
    markStarted: unexpected,
    report: unexpected,
    transaction: unexpected,
    getActor: unexpected,
  });
}
