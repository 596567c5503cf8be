import type { Address } from "../../machines/mail.ts";
import type { DeadLetter, Store, StoredJournalEntry } from "../../runtime/store.ts";
import { copyOf, type Scope } from "./state.ts";

export function listJournal(
  { state }: Scope,
  { address, after = "0", limit }: { address?: Address; after?: string; limit: number },
): StoredJournalEntry[] {
  const numberOf = (entry: StoredJournalEntry) =>
    address === undefined ? Number(entry.journalId) : entry.seq;
  const rows = state.journal
    .values()
    .filter(
      (entry) => (address === undefined || entry.address === address) && numberOf(entry) > Number(after),
    )
    .toSorted((a, b) => numberOf(a) - numberOf(b))
    .slice(0, limit);
  return copyOf(rows);
}

/** Newest first. */
export function listDeadLetters({ state }: Scope, limit: number): DeadLetter[] {
  return copyOf(state.deadLetters.values().toReversed().slice(0, limit));
}

export function counts({ state }: Scope): Awaited<ReturnType<Store["counts"]>> {
  return {
    actors: tally(state.actors.values().map(({ status }) => status)),
    effects: tally(state.effects.values().map(({ status }) => status)),
    mail: sum(state.mailboxes.values().map(({ length }) => length)),
    timers: state.timers.size,
    deadLetters: state.deadLetters.size,
    messages: sum(state.threads.values().map(({ headSeq }) => headSeq)),
  };
}

function tally(words: readonly string[]): Record<string, number> {
  const groups = Object.groupBy(words, (word) => word);
  return Object.fromEntries(Object.entries(groups).map(([word, found = []]) => [word, found.length]));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
