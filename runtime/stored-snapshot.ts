import type { ActorRecord } from "./kernel.ts";
import type { StoredActor } from "./store.ts";

/** The snapshot of a stored actor, for a look at it; null when its record is no record that we can read. */
export function snapshotIn({ record }: Pick<StoredActor, "record">): ActorRecord["snapshot"] | null {
  try {
    const { snapshot } = JSON.parse(record) as Partial<ActorRecord>;
    return snapshot ?? null;
  } catch {
    return null;
  }
}
