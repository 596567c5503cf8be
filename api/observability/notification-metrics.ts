import { notifierMeans, type Notification, type NotifierMeans } from "../../machines/notifier/contract.ts";
import { notificationSeconds } from "./buckets.ts";
import { inSeconds, startAtZero, type MetricMaker } from "./metric.ts";
import type { StoreObserver } from "./store-observer.ts";

const meansOf: Readonly<Record<string, NotifierMeans>> = {
  postWebhook: "webhook",
  runCommand: "command",
  ringBell: "bell",
};

/** Messages to people. Attempts are among the effects, by port. `now` in epoch ms. */
export function notificationMetrics(maker: MetricMaker, now: () => number): StoreObserver {
  const sent = maker.counter("rouse_notifications_sent_total", "Messages to people that arrived, by means.", [
    "means",
  ]);
  const failed = maker.counter(
    "rouse_notifications_failed_total",
    "Messages to people that were given up after the last attempt, by means.",
    ["means"],
  );
  for (const each of [sent, failed]) startAtZero(each, notifierMeans);
  const age = maker.histogram(
    "rouse_notification_age_seconds",
    "From the first notice in a message until the message arrived.",
    { buckets: notificationSeconds },
  );
  return {
    effectEnded({ effect, outcome }) {
      const means = meansOf[effect.port];
      if (means === undefined || outcome.status === "retry") return;
      if (outcome.status !== "done") return failed.inc({ means });
      sent.inc({ means });
      const { at } = (effect.input as { notification: Notification }).notification.notices[0] ?? {
        at: now(),
      };
      age.observe(inSeconds(Math.max(0, now() - at)));
    },
  };
}
