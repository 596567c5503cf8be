import type { Address } from "../machines/mail.ts";
import { RouseError } from "./errors.ts";
import type { ActorRecord } from "./kernel.ts";
import type { StoredActor, Transaction, TurnCommit } from "./store.ts";

/** The way back for an actor that was set aside. */

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
  await tx.commitTurns([releaseCommit(claim.actor, release)]);
  return true;
}

function releaseCommit(actor: StoredActor, { by, reason }: Release): TurnCommit {
  const version = actor.version + 1;
  const event = { type: "actor.released", by, reason };
  return {
    actor: { ...actor, version, status: statusIn(actor.record) },
    expectedVersion: actor.version,
    consumed: [],
    outgoing: [],
    published: [],
    timersArmed: [],
    timersCancelled: [],
    effectsRequested: [],
    effectsCancelled: [],
    records: [],
    // `dropped`: the chart never sees this entry, so that a replay leaves it out.
    journal: [
      {
        seq: version,
        from: by,
        event,
        cause: null,
        transitions: [],
        states: [],
        dropped: "released",
        records: [],
      },
    ],
    deadLetters: [],
    subscriptions: [],
  };
}

/** As it was before: only `quarantined` is no status of the chart's own. */
function statusIn(record: string): StoredActor["status"] {
  const { status } = (JSON.parse(record) as ActorRecord).snapshot;
  return status === "done" || status === "error" ? status : "active";
}
