import type { CheckFamily, Commit, SimWorld } from "../contract.ts";
import type { MailRow } from "../../../persistence/memory/state.ts";
import type { StoredJournalEntry } from "../../../runtime/store.ts";

/** 5: every mail that leaves a mailbox stands in the journal of the same commit, in order, and once. */
export class MailboxChecks implements CheckFamily {
  readonly #world: SimWorld;
  #newestId = 0;

  constructor(world: SimWorld) {
    this.#world = world;
  }

  onCommit(commit: Commit): void {
    const { changes } = commit;
    const applied = Map.groupBy(
      changes.journal.flatMap(({ after, before }) =>
        after === undefined || before !== undefined ? [] : after,
      ),
      ({ address }) => address as string,
    );
    let newest = this.#newestId;
    for (const { key, before = [], after = [] } of changes.mailboxes) {
      const kept = new Set(after);
      const taken = before.filter((mail) => !kept.has(mail));
      if (taken.some((mail, index) => before[index] !== mail)) {
        this.#world.violated(5, `${key} took mail out of order`);
      }
      this.#compare(key, taken, applied.get(key) ?? [], commit);
      const known = new Set(before);
      for (const { id } of after.filter((mail) => !known.has(mail))) {
        if (id <= this.#newestId) this.#world.violated(5, `mail ${id} came back into the mailbox of ${key}`);
        newest = Math.max(newest, id);
      }
      applied.delete(key);
    }
    this.#newestId = newest;
    for (const [key, entries] of applied) this.#compare(key, [], entries, commit);
  }

  #compare(
    address: string,
    taken: readonly MailRow[],
    entries: readonly StoredJournalEntry[],
    { who }: Commit,
  ): void {
    taken.forEach((mail, index) => {
      const entry = entries[index];
      if (entry === undefined)
        return this.#world.violated(5, `${address} lost ${mail.event} without applying it`);
      if (JSON.stringify(entry.event) === mail.event && entry.from === mail.from) return undefined;
      return this.#world.violated(5, `${address} applied ${entry.event.type} in place of ${mail.event}`);
    });
    // One event may come besides: a caller's command, the creation, or the engine's own notice.
    const besides = entries.slice(taken.length);
    const mayCome = who !== null || besides.every(({ from }) => from === "engine");
    if (besides.length > 1 || (besides.length === 1 && !mayCome)) {
      const types = besides.map(({ event }) => event.type).join(", ");
      this.#world.violated(5, `${address} applied ${types} without taking it out of the mailbox`);
    }
  }
}
