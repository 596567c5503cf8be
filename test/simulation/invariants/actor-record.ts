import type { ActorRecord } from "../../../runtime/kernel.ts";
import type { StoredActor } from "../../../runtime/store.ts";

/** The stored record of an actor, its context typed by the caller who knows its kind. */
export interface ReadRecord<Context> extends ActorRecord {
  snapshot: { context: Context; value: unknown; status: string };
}

const latest = new WeakMap<StoredActor, ReadRecord<unknown>>();

export function recordOf<Context>(actor: StoredActor): ReadRecord<Context> {
  let read = latest.get(actor);
  if (read === undefined) {
    read = JSON.parse(actor.record) as ReadRecord<unknown>;
    latest.set(actor, read);
  }
  return read as ReadRecord<Context>;
}
