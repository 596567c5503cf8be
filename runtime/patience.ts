import type { Address } from "../machines/mail.ts";
import { isRouseError } from "./errors.ts";

/** With the loop's backoff some ten seconds: trouble that passes sooner sets nobody aside. */
const mostFailures = 8;

/**
 * How often turns of an actor failed in a row at the store, by themselves and not in a batch. Kept in memory: a node that
 * starts anew is patient anew.
 */
export class Patience {
  readonly #failures = new Map<Address, number>();

  /** True when this failure is one too many, or when trying again would end the same way: its mail is to be set aside. */
  isExhaustedBy(error: unknown, address: Address): boolean {
    const failures = (this.#failures.get(address) ?? 0) + 1;
    this.#failures.set(address, failures);
    return isUnwritable(error) || failures >= mostFailures;
  }

  forget(address: Address): void {
    this.#failures.delete(address);
  }
}

/** The store cannot hold what a chart wrote, such as half a character. */
function isUnwritable(error: unknown): boolean {
  return isRouseError(error, "invalid_input");
}

/** The database is away: no actor is to blame, and all of them wait for it as long as it takes. */
export function isNobodysFault(error: unknown): boolean {
  return isRouseError(error, "database_unavailable") || isRouseError(error, "commit_outcome_unknown");
}
