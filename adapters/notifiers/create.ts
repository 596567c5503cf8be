import type { NotifierMeans } from "../../machines/notifier/contract.ts";
import type { AnyPortImplementation } from "../../runtime/ports.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Terminal } from "../../runtime/terminal.ts";
import { ringBellPort } from "./bell.ts";
import { runCommandPort } from "./command.ts";
import { postWebhookPort, type WebhookSettings } from "./webhook.ts";

export interface NotifierOptions {
  workspaceId: string;
  webhook?: WebhookSettings | undefined;
  command?: readonly [string, ...string[]] | undefined;
  bell: boolean;
  /** Whether what others wrote (the details of escalations) may leave the node. */
  withDetails: boolean;
  terminals: readonly Terminal[];
  baseEnv: Readonly<Record<string, string | undefined>>;
  clock: Clock;
}

/** The means that these settings name, each with its port: a node takes on only what it can do. */
export function createNotifierPorts(
  options: NotifierOptions,
): Partial<Record<NotifierMeans, AnyPortImplementation>> {
  const { webhook, command: argv, bell, terminals } = options;
  return {
    ...(webhook === undefined ? {} : { webhook: postWebhookPort({ ...options, ...webhook }) }),
    ...(argv === undefined ? {} : { command: runCommandPort({ ...options, argv }) }),
    ...(bell ? { bell: ringBellPort(terminals) } : {}),
  };
}
