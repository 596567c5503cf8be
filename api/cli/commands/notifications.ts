import { setTimeout as delay } from "node:timers/promises";
import { Option } from "commander";
import { RouseError } from "../../../runtime/errors.ts";
import { defineCommand, type CommandGroup } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { durationMs, limit, requiredReason } from "../options.ts";
import type { Payloads } from "../payloads.ts";
import { notificationPage, notifierTable } from "../views/notifications.ts";

/** How people are told, and whether it arrives. */

const list = defineCommand<{ limit?: number }>({
  usage: "list",
  isDefault: true,
  summary: "The ways in which people are told, and the latest messages with what became of them.",
  options: [limit()],
  async run(invocation, { limit: rows }) {
    invocation.show(await invocation.call("list_notifications", { limit: rows }), notificationPage);
  },
});

const lookAgainMs = 200;

const test = defineCommand<{ notifier?: string; timeout?: number }>({
  usage: "test [notifier]",
  summary: "Send a trial by one notifier or all, and wait for what becomes of it.",
  remarks: "Exit code 1 when one did not arrive in time; what is tried again goes on.",
  arguments: { notifier: "its id, as notifications list shows it; left out: all" },
  options: [new Option("--timeout <time>", "how long to wait, default 20s").argParser(durationMs)],
  examples: ["notifications test", "notifications test webhook"],
  async run(invocation, { notifier, timeout = 20_000 }) {
    const sent = await invocation.call("test_notifications", { notifier_id: notifier });
    const answer = await settled(invocation, sent.notification_ids, timeout);
    invocation.show(answer, notificationPage);
    const failed = answer.notifications.filter(({ status }) => status !== "done");
    if (failed.length > 0 || answer.notifications.length < sent.notifiers.length) throw notArrived(failed);
  },
});

type Listed = Payloads["list_notifications"];

async function settled(invocation: Invocation, ids: readonly string[], timeoutMs: number): Promise<Listed> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const all = await invocation.call("list_notifications", { limit: 100 });
    const notifications = all.notifications.filter((each) => ids.includes(each.notification_id));
    const over = notifications.filter(({ status }) => ended.includes(status));
    if (over.length === ids.length || performance.now() >= end) return { ...all, notifications };
    await delay(lookAgainMs);
  }
}

const ended: readonly string[] = ["done", "failed", "cancelled", "uncertain"];

function notArrived(failed: Listed["notifications"]): RouseError {
  const [first] = failed;
  const why = first?.error?.message ?? "no node took it up in time";
  return new RouseError("port_failed", `the trial did not arrive: ${why}`, {
    nextStep: "Correct the settings and start the node again; rouse notifications list shows each attempt.",
  });
}

const retry = defineCommand<{ notifier?: string }>({
  usage: "retry [notifier]",
  summary: "Send once more what was given up, under the same ids.",
  arguments: { notifier: "its id; left out: all" },
  async run(invocation, { notifier }) {
    invocation.show(await invocation.call("retry_notifications", { notifier_id: notifier }), notifierTable);
  },
});

const switches = (
  [
    ["off", false, "Tell nobody by this notifier; escalations stay listed."],
    ["on", true, "Tell people by this notifier again, of what comes from now on."],
  ] as const
).map(([usage, on, summary]) =>
  defineCommand<{ notifier?: string; reason: string }>({
    usage: `${usage} [notifier]`,
    summary,
    arguments: { notifier: "its id; left out: all" },
    options: [requiredReason()],
    async run(invocation, { notifier, reason }) {
      const input = { notifier_id: notifier, on, reason };
      invocation.show(await invocation.call("switch_notifications", input), notifierTable);
    },
  }),
);

export const notificationGroup: CommandGroup = {
  name: "notifications",
  alias: "notification",
  summary: "How people are told of what needs them.",
  commands: [list, test, retry, ...switches],
};
