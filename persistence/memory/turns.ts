import { errorBody } from "../../runtime/errors.ts";
import type { NewMail, TurnCommit } from "../../runtime/store.ts";
import { conflict } from "../conflict.ts";
import { actorNotFound, alreadyExists } from "../missing.ts";
import { keepDeadLetter } from "./dead-letters.ts";
import { cancelEffect, requestEffect } from "./effects.ts";
import { deleteMail, insertMail, publishMail } from "./mailbox.ts";
import { applyRecords } from "./records.ts";
import { compare, copyOf, type Scope } from "./state.ts";
import { armTimer, cancelTimer } from "./timers.ts";

/** Creations first, so that actors of one batch can write to each other. */
export function commitTurns(scope: Scope, commits: readonly TurnCommit[]): void {
  const creations = commits.filter(({ expectedVersion }) => expectedVersion === null);
  for (const commit of creations) create(scope, commit);
  for (const commit of commits) advance(scope, commit);
  applyRecords(
    scope,
    commits.flatMap(({ records }) => records),
  );
  for (const mail of commits.flatMap(({ outgoing }) => outgoing)) sendOrKeep(scope, mail);
  for (const message of commits.flatMap(({ published }) => published)) publishMail(scope, message);
}

export function send(scope: Scope, mail: readonly NewMail[]): void {
  const undelivered = mail.filter((each) => !insertMail(scope, each));
  if (undelivered.length > 0) throw actorNotFound(undelivered.map(({ to }) => to));
}

function create({ state, now }: Scope, { actor, subscriptions }: TurnCommit): void {
  if (state.actors.has(actor.address)) throw alreadyExists(`Actor ${actor.address}`);
  state.actors.put(actor.address, { ...actor, createdAt: now, updatedAt: now });
  for (const topic of new Set(subscriptions)) {
    const subscribers = [...(state.subscriptions.get(topic) ?? []), actor.address];
    state.subscriptions.put(topic, subscribers.toSorted(compare));
  }
}

function advance(scope: Scope, commit: TurnCommit): void {
  const { state, now } = scope;
  const { address } = commit.actor;
  if (commit.expectedVersion !== null) {
    const before = state.actors.get(address);
    if (before?.version !== commit.expectedVersion)
      throw conflict("An actor has moved on since it was read.");
    const { version, status, machineVersion, machineHash, record } = commit.actor;
    state.actors.put(address, {
      ...before,
      version,
      status,
      machineVersion,
      machineHash,
      record,
      updatedAt: Math.max(before.updatedAt, now),
    });
  }
  if (deleteMail(scope, address, commit.consumed) !== commit.consumed.length) {
    throw conflict("Mail has been consumed by another turn.");
  }
  for (const request of commit.effectsRequested) requestEffect(scope, address, request);
  for (const { incarnation } of commit.effectsCancelled) cancelEffect(scope, { address, incarnation });
  for (const id of commit.timersCancelled) cancelTimer(scope, address, id);
  for (const arm of commit.timersArmed) armTimer(scope, address, arm);
  appendJournal(scope, commit);
  for (const { mail, error } of commit.deadLetters) {
    keepDeadLetter(scope, { ...mail, to: address, error, journalSeq: commit.actor.version });
  }
}

function appendJournal({ state, now }: Scope, { actor, journal }: TurnCommit): void {
  const { address, machineHash } = actor;
  for (const entry of journal) {
    const key = `${address} ${entry.seq}`;
    if (state.journal.has(key)) throw conflict("The journal has an entry of this number already.");
    state.journal.put(key, {
      ...copyOf(entry),
      journalId: String(state.nextId()),
      address,
      at: now,
      machineHash,
    });
  }
}

function sendOrKeep(scope: Scope, mail: NewMail): void {
  if (insertMail(scope, mail)) return;
  const error = errorBody(actorNotFound([mail.to]));
  keepDeadLetter(scope, { ...mail, cause: null, error, journalSeq: null });
}
