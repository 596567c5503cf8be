import type { CheckFamily, Commit, SimWorld } from "../contract.ts";
import type { Address } from "../../../machines/mail.ts";
import type { StoredActor, StoredJournalEntry } from "../../../runtime/store.ts";
import { recordOf } from "./actor-record.ts";

/** 6, 7: what belongs together is there together after every commit, and nobody writes over what he did not see. */
export class TurnChecks implements CheckFamily {
  readonly #world: SimWorld;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  onCommit(commit: Commit): void {
    const { changes, error, method } = commit;
    if (error !== null) this.#world.violated(6, `${method} failed and left something behind`);
    this.#checkVersions(commit);
    const journal = Map.groupBy(
      changes.journal.flatMap(({ after }) => after ?? []),
      ({ address }) => address as string,
    );
    for (const { key, before, after } of changes.actors) {
      this.#checkJournal(key, before, after, journal.get(key) ?? []);
      journal.delete(key);
    }
    for (const key of journal.keys()) this.#world.violated(6, `the journal of ${key} grew without its actor`);
    for (const { after, before } of changes.journal) {
      if (before !== undefined || after === undefined)
        this.#world.violated(19, "a journal entry was changed");
    }
    for (const address of addressesOf(commit)) this.#checkTogether(address);
  }

  #checkVersions({ turns, changes }: Commit): void {
    const before = new Map(changes.actors.map((change) => [change.key, change.before]));
    const first = new Map(turns.toReversed().map((turn) => [turn.actor.address as string, turn]));
    for (const [address, { expectedVersion }] of first) {
      const stood = before.get(address)?.version ?? null;
      if (!before.has(address) || stood === expectedVersion) continue;
      this.#world.violated(
        7,
        `${address} was written from version ${expectedVersion} while it stood at ${stood}`,
      );
    }
  }

  #checkJournal(
    key: string,
    before: StoredActor | undefined,
    after: StoredActor | undefined,
    entries: readonly StoredJournalEntry[],
  ): void {
    if (after === undefined) return this.#world.violated(6, `${key} was removed`);
    const from = before?.version ?? 0;
    const isWhole =
      entries.length === after.version - from && entries.every(({ seq }, index) => seq === from + index + 1);
    if (isWhole) return undefined;
    const seqs = entries.map(({ seq }) => seq).join(", ");
    return this.#world.violated(
      6,
      `${key} went from ${from} to ${after.version} with journal entries ${seqs || "none"}`,
    );
  }

  /** The record's invokes and timers against the rows that stand for them. */
  #checkTogether(address: string): void {
    const { state } = this.#world;
    const actor = state.actors.get(address);
    if (actor === undefined) return;
    const { invokes, timers } = recordOf(actor);
    const waiting = new Set(
      (state.mailboxes.get(address) ?? []).flatMap(({ cause }) =>
        cause === null ? [] : `${cause.type} ${cause.incarnation}`,
      ),
    );
    for (const [id, incarnation] of Object.entries(invokes)) {
      const status = state.effects.get(`${address} ${incarnation}`)?.status;
      const isUnderWay = status === "pending" || status === "running" || waiting.has(`invoke ${incarnation}`);
      if (!isUnderWay)
        this.#world.violated(
          6,
          `${address} waits for ${id} (${incarnation}), which is ${status ?? "not there"}`,
        );
    }
    for (const [id, incarnation] of Object.entries(timers)) {
      const isArmed = state.timers.get(`${address} ${id}`)?.incarnation === incarnation;
      if (!isArmed && !waiting.has(`timer ${incarnation}`))
        this.#world.violated(6, `${address} waits for timer ${id}, which is not armed`);
    }
    for (const timer of state.timers.values()) {
      if (timer.address === address && timers[timer.id] !== timer.incarnation)
        this.#world.violated(6, `timer ${timer.id} of ${address} is armed, and nobody waits for it`);
    }
    for (const key of state.openEffects.values()) {
      const effect = state.effects.get(key);
      const isOpen = effect?.status === "pending" || effect?.status === "running";
      if (effect?.address === address && isOpen && invokes[effect.invokeId] !== effect.incarnation)
        this.#world.violated(6, `${effect.port} of ${address} is under way, and nobody waits for it`);
    }
  }
}

function addressesOf({ changes }: Commit): Set<string> {
  const of = (address: Address | undefined): string[] => (address === undefined ? [] : [address]);
  return new Set([
    ...changes.actors.map(({ key }) => key),
    ...changes.mailboxes.map(({ key }) => key),
    ...changes.timers.flatMap(({ before, after }) => of((after ?? before)?.address)),
    ...changes.effects.flatMap(({ before, after }) => of((after ?? before)?.address)),
  ]);
}
