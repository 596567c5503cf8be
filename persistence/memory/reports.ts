import type { Address } from "../../machines/mail.ts";
import {
  countedUpTo,
  type JournalHorizon,
  type Store,
  type StoredJournalEntry,
} from "../../runtime/store.ts";
import { copyOf, type Scope } from "./state.ts";

export function listJournal(
  { state }: Scope,
  { address, after = "0", upTo, limit }: { address?: Address; after?: string; upTo?: string; limit: number },
): StoredJournalEntry[] {
  const numberOf = (entry: StoredJournalEntry) =>
    address === undefined ? Number(entry.journalId) : entry.seq;
  const rows = state.journal
    .values()
    .filter((entry) => address === undefined || entry.address === address)
    .filter((entry) => numberOf(entry) > Number(after))
    .filter(({ journalId }) => upTo === undefined || Number(journalId) <= Number(upTo))
    .toSorted((a, b) => numberOf(a) - numberOf(b))
    .slice(0, limit);
  return copyOf(rows);
}

/** One transaction at a time: ids are in order of commit. */
export function journalHorizon({ state }: Scope): JournalHorizon {
  const ids = state.journal.values().map(({ journalId }) => Number(journalId));
  return { upTo: String(ids.reduce((newest, id) => Math.max(newest, id), 0)), isBehind: false };
}

export function counts({ state }: Scope): Awaited<ReturnType<Store["counts"]>> {
  const effects = state.effects.values().map(({ status }) => status);
  const ended = effects.filter(isOrdinaryEnd);
  const mailOf = (isQuarantined: boolean): number =>
    sum(
      state.actors
        .values()
        .filter(({ status }) => (status === "quarantined") === isQuarantined)
        .map(({ address }) => state.mailboxes.get(address)?.length ?? 0),
    );
  return {
    actors: tally(state.actors.values().map(({ status }) => status)),
    effects: {
      ...tally(effects.filter((status) => !isOrdinaryEnd(status))),
      ...tally(ended.slice(0, countedUpTo)),
    },
    mail: mailOf(false),
    quarantinedMail: mailOf(true),
    timers: state.timers.size,
    deadLetters: state.deadLetters.values().filter(({ status }) => status === "open").length,
    messages: sum(state.threads.values().map(({ headSeq }) => headSeq)),
    threads: tally(state.threads.values().map(({ status }) => status)),
    oldestMailAt: oldestMailAt({ state }),
  };
}

function oldestMailAt({ state }: Pick<Scope, "state">): number | null {
  const sent = state.actors
    .values()
    .filter(({ status }) => status !== "quarantined")
    .flatMap(({ address }) => (state.mailboxes.get(address) ?? []).map(({ sentAt }) => sentAt));
  return sent.length === 0 ? null : Math.min(...sent);
}

function isOrdinaryEnd(status: string): boolean {
  return status === "done" || status === "cancelled";
}

function tally(words: readonly string[]): Record<string, number> {
  const groups = Object.groupBy(words, (word) => word);
  return Object.fromEntries(Object.entries(groups).map(([word, found = []]) => [word, found.length]));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
