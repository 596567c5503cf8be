import type { Address } from "../../machines/mail.ts";
import { conflict } from "../conflict.ts";
import { actorNotFound } from "../missing.ts";
import type { Claim, NewMail, TurnCommit } from "../../runtime/store.ts";
import { createActors, lockActor, subscribeActors, updateActors } from "./actors.ts";
import { asDeadLetter, insertDeadLetters } from "./dead-letters.ts";
import { cancelEffects, requestEffects, type RequestedEffect } from "./effects.ts";
import { inFlight } from "./flight.ts";
import { appendJournal } from "./journal.ts";
import { deleteMail, insertMail, publishMail, readAllMail, releaseMail } from "./mailbox.ts";
import { applyRecords } from "./records.ts";
import type { Scope } from "./scope.ts";
import { armTimers, cancelTimers } from "./timers.ts";

export async function claimActor(scope: Scope, address: Address): Promise<Claim | null> {
  // The second statement sees what was committed until the lock was had: its snapshot begins after it.
  const [actor, mail] = await inFlight([lockActor(scope, address), readAllMail(scope, address)]);
  return actor === null ? null : { actor, mail };
}

/**
 * Creations first, so that actors of one batch can write to each other; then everything else in one flight: the
 * statements are sent without waiting for each other's answers. What is not as expected undoes the transaction.
 * Records come before mail, because a change of status waits for whoever is joining the thread: the newcomer must be
 * among those who hear of it.
 */
export async function commitTurns(scope: Scope, commits: readonly TurnCommit[]): Promise<void> {
  if (commits.length === 0) return;
  await create(scope, commits);
  const updates = commits.flatMap(({ actor, expectedVersion }) =>
    expectedVersion === null ? [] : [{ actor, expectedVersion }],
  );
  const consumed = commits.flatMap(({ actor, consumed }) =>
    consumed.map((mail) => ({ address: actor.address, mail })),
  );
  const requests = commits.flatMap(requestedEffects);
  const entries = commits.flatMap(({ actor, journal }) =>
    journal.map((entry) => ({ address: actor.address, machineHash: actor.machineHash, entry })),
  );
  const [{ count: updated, released }, , deleted, requested, journaled, undelivered] = await inFlight([
    updateActors(scope, updates),
    applyRecords(
      scope,
      commits.flatMap(({ records }) => records),
    ),
    deleteMail(scope, consumed),
    requestEffects(scope, requests),
    appendJournal(scope, entries),
    insertMail(
      scope,
      commits.flatMap(({ outgoing }) => outgoing),
    ),
    publishMail(
      scope,
      commits.flatMap(({ published }) => published),
    ),
    cancelTimers(
      scope,
      commits.flatMap(({ actor, timersCancelled }) => timersCancelled.map((id) => ({ ...actor, id }))),
    ),
    armTimers(
      scope,
      commits.flatMap(({ actor, timersArmed }) =>
        timersArmed.map((arm) => ({ ...arm, address: actor.address })),
      ),
    ),
    cancelEffects(scope, commits.flatMap(cancelledEffects)),
    insertDeadLetters(scope, commits.flatMap(deadLetters)),
  ]);
  if (updated !== updates.length) throw conflict("An actor has moved on since it was read.");
  if (deleted !== consumed.length) throw conflict("Mail has been consumed by another turn.");
  if (requested !== requests.length) throw conflict("An effect of this incarnation exists already.");
  if (journaled !== entries.length) throw conflict("The journal has an entry of this number already.");
  await releaseMail(scope, released);
  await insertDeadLetters(scope, undelivered.map(asDeadLetter));
}

export async function send(scope: Scope, mail: readonly NewMail[]): Promise<void> {
  const undelivered = await insertMail(scope, mail);
  if (undelivered.length > 0) throw actorNotFound(undelivered.map(({ to }) => to));
}

async function create(scope: Scope, commits: readonly TurnCommit[]): Promise<void> {
  const creations = commits.filter(({ expectedVersion }) => expectedVersion === null);
  await createActors(
    scope,
    creations.map(({ actor }) => actor),
  );
  const subscriptions = creations.flatMap(({ actor, subscriptions }) =>
    subscriptions.map((topic) => ({ topic, address: actor.address })),
  );
  await subscribeActors(scope, subscriptions);
}

function requestedEffects({ actor, effectsRequested, effectsCancelled }: TurnCommit): RequestedEffect[] {
  const cancelled = new Set(effectsCancelled.map(({ incarnation }) => incarnation));
  return effectsRequested.map((request) => ({
    ...request,
    address: actor.address,
    cancelled: cancelled.has(request.incarnation),
  }));
}

function cancelledEffects({ actor, effectsCancelled }: TurnCommit) {
  return effectsCancelled.map(({ incarnation }) => ({ address: actor.address, incarnation }));
}

function deadLetters({ actor, deadLetters }: TurnCommit) {
  return deadLetters.map(({ mail, error }) => ({
    address: actor.address,
    from: mail.from,
    event: mail.event,
    cause: mail.cause,
    error,
    // What sets mail aside is the last thing that a turn does.
    journalSeq: actor.version,
  }));
}
