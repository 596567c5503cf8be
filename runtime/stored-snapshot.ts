import { RouseError } from "./errors.ts";
import type { ActorRecord } from "./kernel.ts";
import type { StoredActor } from "./store.ts";

type Stored = Pick<StoredActor, "address" | "record">;

/** The snapshot of a stored actor, for a look at it; null when its record is no record that we can read. */
export function snapshotIn({ record }: Pick<StoredActor, "record">): ActorRecord["snapshot"] | null {
  try {
    const { snapshot } = JSON.parse(record) as Partial<ActorRecord>;
    return snapshot ?? null;
  } catch {
    return null;
  }
}

/** The same for whoever cannot do without. Throws `internal`, naming the actor. */
export function requireSnapshot(actor: Stored): ActorRecord["snapshot"] {
  const snapshot = snapshotIn(actor);
  if (snapshot === null) throw unreadable(actor);
  return snapshot;
}

/** Throws `internal`, naming the actor. */
export function readRecord(actor: Stored): ActorRecord {
  try {
    return JSON.parse(actor.record) as ActorRecord;
  } catch (cause) {
    throw unreadable(actor, cause);
  }
}

function unreadable({ address }: Stored, cause?: unknown): RouseError {
  return new RouseError("internal", `the record of ${address} cannot be read`, {
    nextStep: "Its next turn sets it aside. Restore the record from a backup, then release the actor.",
    details: { address },
    cause,
  });
}
