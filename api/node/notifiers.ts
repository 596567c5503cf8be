import { isDeepStrictEqual } from "node:util";
import { createNotifierPorts } from "../../adapters/notifiers/create.ts";
import { addresses, topics } from "../../machines/mail.ts";
import { notifierMeans, type NotifierMeans, type NotifierPolicy } from "../../machines/notifier/contract.ts";
import type { NotifierContext, NotifierEvent, NotifierInput } from "../../machines/notifier/events.ts";
import { systemClock } from "../../runtime/clock.ts";
import type { Engine } from "../../runtime/engine.ts";
import { isRouseError } from "../../runtime/errors.ts";
import type { AnyPortImplementation } from "../../runtime/ports.ts";
import { snapshotIn } from "../../runtime/stored-snapshot.ts";
import type { StoredActor, Transaction } from "../../runtime/store.ts";
import type { Config } from "../config.ts";
import type { Terminals } from "./terminals.ts";

/** The notifiers that a node's settings name: their ports, and their actors. */

export function notifierPorts(
  { notifications, webhookSecret, workspace }: Config,
  terminals: Terminals["byBackend"],
): Partial<Record<NotifierMeans, AnyPortImplementation>> {
  const { webhook, command, bell, details } = notifications;
  return createNotifierPorts({
    workspaceId: workspace,
    webhook: webhook === undefined ? undefined : { ...webhook, secret: webhookSecret ?? "" },
    command,
    bell,
    withDetails: details,
    terminals: Object.values(terminals),
    baseEnv: process.env,
    clock: systemClock,
  });
}

/**
 * Makes the actors that are missing, and tells the others what the settings say now. A webhook that this node does not have
 * may be another node's; what is bound to this host is nobody else's.
 */
export async function settleNotifiers(engine: Engine, config: Config): Promise<void> {
  const { webhook, command, bell, timing: policy } = config.notifications;
  const isServed = { webhook: webhook !== undefined, command: command !== undefined, bell };
  for (const means of notifierMeans) {
    if (means === "webhook" && !isServed.webhook) continue;
    const host = means === "webhook" ? null : config.host;
    const notifierId = host === null ? means : `${means}.${host}`;
    const input: NotifierInput = { notifierId, means, host, policy };
    await engine.store
      .transaction((tx) => settle(tx, engine, { input, isServed: isServed[means] }))
      .catch(unlessMade);
  }
  engine.ring(["mail"]);
}

async function settle(
  tx: Transaction,
  engine: Engine,
  { input, isServed }: { input: NotifierInput; isServed: boolean },
): Promise<void> {
  const address = addresses.notifier(input.notifierId);
  const actor = await tx.getActor(address);
  if (actor === null) {
    if (!isServed) return;
    await engine.create(tx, { kind: "notifier", address, input, subject: "people", topics: [topics.people] });
    return;
  }
  if (knows(actor, { policy: input.policy, isServed })) return;
  const event: NotifierEvent = { type: "notifier.configured", policy: input.policy, isServed };
  await tx.send([{ to: address, from: "engine", event: { ...event } }]);
}

function knows(actor: StoredActor, settings: { policy: NotifierPolicy; isServed: boolean }): boolean {
  // One that cannot be read is told, too: its turn sets it aside where people see it.
  const context = snapshotIn(actor)?.["context"] as NotifierContext | undefined;
  return isDeepStrictEqual({ policy: context?.policy, isServed: context?.isServed }, settings);
}

/** Another node was faster. */
function unlessMade(error: unknown): void {
  if (!isRouseError(error, "already_exists")) throw error;
}
