import type { Payloads } from "../payloads.ts";
import { paint, toneOf, type Paper } from "../render/paper.ts";
import { table } from "../render/table.ts";
import { clockText, relativeText } from "../render/time.ts";

export function notifierTable(
  { notifiers }: Pick<Payloads["list_notifications"], "notifiers">,
  paper: Paper,
): string {
  return table(
    paper,
    notifiers,
    [
      { title: "NOTIFIER", of: (one) => one.notifier_id },
      { title: "STATE", of: ({ state }) => ({ text: state, tone: toneOf(state) }) },
      { title: "WAITING", of: (one) => one.waiting, align: "right" },
      { title: "SENT", of: (one) => one.sent, align: "right" },
      { title: "GIVEN UP", of: (one) => one.given_up, align: "right" },
      { title: "TO RETRY", of: (one) => one.undelivered, align: "right" },
      { title: "LAST", of: (one) => relativeText(one.last_sent_at, paper.now) },
    ],
    "Nobody is told: the settings name no webhook, command or bell.",
  );
}

export function notificationPage(payload: Payloads["list_notifications"], paper: Paper): string {
  const ways = notifierTable(payload, paper);
  if (payload.notifications.length === 0) return ways;
  const messages = table(
    paper,
    payload.notifications,
    [
      { title: "AT", of: (one) => clockText(one.requested_at, paper.now) },
      { title: "NOTIFIER", of: (one) => one.notifier_id },
      { title: "STATUS", of: ({ status }) => ({ text: status, tone: toneOf(status) }) },
      { title: "TRIES", of: (one) => one.attempt, align: "right" },
      { title: "NOTICES", of: (one) => one.count, align: "right" },
      { title: "REASONS", of: ({ reasons }) => Object.keys(reasons).join(", "), most: 40 },
      { title: "ERROR", of: (one) => one.error?.message ?? null, most: 80 },
    ],
    "",
  );
  return `${ways}\n${paint(paper, "strong", "Messages")}\n${messages}`;
}
