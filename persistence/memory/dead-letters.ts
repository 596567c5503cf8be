import type { Address } from "../../machines/mail.ts";
import type { Page } from "../../runtime/domain.ts";
import type { DeadLetter, DeadLetterStatus } from "../../runtime/store.ts";
import { alreadyDecided, deadLetterNotFound } from "../decided.ts";
import { actorNotFound } from "../missing.ts";
import { pageOf } from "../page.ts";
import { insertMail } from "./mailbox.ts";
import { copyOf, type Scope } from "./state.ts";

type NewDeadLetter = Pick<DeadLetter, "from" | "event" | "cause" | "error" | "journalSeq"> & { to: Address };

export function keepDeadLetter({ state, now }: Scope, letter: NewDeadLetter): void {
  const { to, from, event, cause, error, journalSeq } = letter;
  const deadLetterId = String(state.nextId());
  state.deadLetters.put(
    deadLetterId,
    copyOf({
      ...{ deadLetterId, address: to, event, from, cause, error, at: now, journalSeq },
      status: "open" as const,
      decision: null,
    }),
  );
}

/** Newest first. */
export function listDeadLetters(
  { state }: Scope,
  query: { address?: Address; code?: string; status?: DeadLetterStatus; after?: string; limit: number },
): Page<DeadLetter> {
  const { address, code, status, after, limit } = query;
  const rows = state.deadLetters
    .values()
    .filter((letter) => address === undefined || letter.address === address)
    .filter((letter) => code === undefined || letter.error.code === code)
    .filter((letter) => status === undefined || letter.status === status)
    .filter((letter) => after === undefined || Number(letter.deadLetterId) < Number(after))
    .toSorted((a, b) => Number(b.deadLetterId) - Number(a.deadLetterId))
    .slice(0, limit + 1);
  return pageOf(copyOf(rows), limit, ({ deadLetterId }) => deadLetterId);
}

export function getDeadLetter({ state }: Scope, deadLetterId: string): DeadLetter | null {
  return copyOf(state.deadLetters.get(deadLetterId) ?? null);
}

export function decideDeadLetter(
  scope: Scope,
  request: { deadLetterId: string; status: "requeued" | "discarded"; by: string; reason: string },
): { letter: DeadLetter; changed: boolean } {
  const { deadLetterId, status, by, reason } = request;
  const letter = getDeadLetter(scope, deadLetterId);
  if (letter === null) throw deadLetterNotFound(deadLetterId);
  if (letter.status === status) return { letter, changed: false };
  if (letter.status !== "open") throw alreadyDecided(letter);
  if (status === "requeued" && !insertMail(scope, { ...letter, to: letter.address })) {
    throw actorNotFound([letter.address]);
  }
  const decided = { ...letter, status, decision: { by, reason, at: scope.now } };
  scope.state.deadLetters.put(deadLetterId, decided);
  return { letter: copyOf(decided), changed: true };
}
