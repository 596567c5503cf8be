import { setTimeout as pause } from "node:timers/promises";
import type { Doorbell, NewMail, Store } from "../../../runtime/store.ts";
import { nowMs, sentAtKey } from "./latency-store.ts";
import { participantAddress } from "./participants.ts";

/** Sends single mails at an even rate, each in a transaction of its own, as operations do; rings after each. */
export async function feed(
  store: Store,
  doorbell: Doorbell,
  { perSecond, seconds, actors }: { perSecond: number; seconds: number; actors: number },
): Promise<number> {
  const count = perSecond * seconds;
  const startedAt = performance.now();
  const sending: Promise<void>[] = [];
  for (let index = 0; index < count; index += 1) {
    const waitMs = startedAt + (index * 1_000) / perSecond - performance.now();
    if (waitMs > 0) await pause(waitMs);
    sending.push(sendOne(store, doorbell, index % actors));
  }
  await Promise.all(sending);
  return count;
}

async function sendOne(store: Store, doorbell: Doorbell, actor: number): Promise<void> {
  const event = { type: "heartbeat.received", sessionId: "s", host: "here", resumable: true };
  const mail: NewMail = {
    to: participantAddress(actor),
    from: "feeder",
    event: { ...event, [sentAtKey]: nowMs() },
  };
  await store.transaction((tx) => tx.send([mail]));
  doorbell.ring();
}
