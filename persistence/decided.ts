import { RouseError } from "../runtime/errors.ts";
import type { DeadLetter } from "../runtime/store.ts";

/** Refusals around dead letters; both stores say the same. */

export function deadLetterNotFound(deadLetterId: string): RouseError {
  return new RouseError("not_found", `There is no dead letter ${deadLetterId}.`, {
    nextStep: "List the dead letters to find its id.",
    details: { dead_letter_id: deadLetterId },
  });
}

export function alreadyDecided({ deadLetterId, status, decision }: DeadLetter): RouseError {
  const text = `Dead letter ${deadLetterId} was ${status} by ${decision?.by ?? "somebody"} already.`;
  return new RouseError("transition_refused", text, {
    nextStep: "Nothing is left to decide: its mail is where that decision put it.",
    details: { dead_letter_id: deadLetterId, status },
  });
}

export function isDeadLetterId(text: string): boolean {
  return /^[1-9]\d{0,17}$/u.test(text);
}
