import type { Address } from "../machines/mail.ts";
import { RouseError, errorBody, isRouseError } from "./errors.ts";
import { announcements, quarantineNotice } from "./notices.ts";
import { snapshotIn } from "./stored-snapshot.ts";
import type { ActorEvent, StoredActor, Transaction, TurnCommit } from "./store.ts";

/** Aside, where people see them, for actors that cannot go on; and the way back. */

export interface Release {
  address: Address;
  by: string;
  reason: string;
}

/**
 * Lets the actor go on with its mail, from the state it was in. False when it was not quarantined. What set it aside was
 * consumed as a dead letter; what fails again sets it aside again. Throws `actor_not_found`.
 */
export async function releaseActor(tx: Transaction, release: Release): Promise<boolean> {
  const claim = await tx.claimActor(release.address);
  if (claim === null) {
    throw new RouseError("actor_not_found", `there is no actor ${release.address}`, {
      nextStep: "List the quarantined actors to find its address.",
    });
  }
  if (claim.actor.status !== "quarantined") return false;
  const { by, reason } = release;
  await tx.commitTurns([released(claim.actor, { from: by, event: { type: "actor.released", by, reason } })]);
  return true;
}

interface Note {
  from: string;
  event: ActorEvent;
}

/** As it was before: only `quarantined` is no status of the chart's own. What cannot be read is set aside again by its turn. */
function released(actor: StoredActor, why: Note): TurnCommit {
  const { status } = snapshotIn(actor) ?? {};
  const before = status === "done" || status === "error" ? status : "active";
  // `dropped`: the chart never sees this entry, so that a replay leaves it out.
  return note({ ...actor, status: before }, { ...why, dropped: "released" });
}

/** The actor cannot go on here: it keeps its record and its mail, visibly, until somebody acts. */
export function setAside(actor: StoredActor, error: unknown): TurnCommit {
  const { type, dropped } = reasonOf(error);
  const commit = note(
    { ...actor, status: "quarantined" },
    { from: "engine", event: { type, error: errorBody(error) }, dropped },
  );
  const teller = { address: actor.address, seq: commit.actor.version };
  return { ...commit, published: announcements(teller, [quarantineNotice(error)]) };
}

/** Only those whose chart was missing come back by themselves; `Store` finds them by `machineMissing`. */
function reasonOf(error: unknown): { type: string; dropped: string } {
  if (isRouseError(error, "machine_version_mismatch"))
    return { type: "machine.missing", dropped: "machineMissing" };
  if (isRouseError(error, "machine_migration_failed"))
    return { type: "machine.migrationFailed", dropped: "migrationFailed" };
  return { type: "record.unreadable", dropped: "unreadable" };
}

/** The chart is here again: the actor goes on with the mail that waited. */
export function bringBack(actor: StoredActor): TurnCommit {
  return released(actor, { from: "engine", event: { type: "machine.found" } });
}

/** A commit that changes nothing but the actor's status, and says why. */
function note(
  { updatedAt: _updatedAt, ...actor }: StoredActor,
  { from, event, dropped }: Note & { dropped: string },
): TurnCommit {
  const version = actor.version + 1;
  const entry = {
    seq: version,
    from,
    event,
    cause: null,
    transitions: [],
    states: [],
    records: [],
  };
  return {
    actor: { ...actor, version },
    expectedVersion: actor.version,
    consumed: [],
    outgoing: [],
    published: [],
    timersArmed: [],
    timersCancelled: [],
    effectsRequested: [],
    effectsCancelled: [],
    records: [],
    journal: [{ ...entry, dropped }],
    deadLetters: [],
    subscriptions: [],
  };
}
