import type { Address } from "../machines/mail.ts";
import type { Clock } from "./clock.ts";
import { isRouseError } from "./errors.ts";

/** With the rests between them more than ten seconds: trouble that passes sooner sets nobody aside. */
const mostFailures = 8;
const firstRestMs = 100;
const longestRestMs = 5_000;
/** After a turn that took until the deadline, when that is nobody's fault. */
const firstPauseMs = 1_000;
const longestPauseMs = 60_000;

/** Large enough that statements and commits cost each actor little, small enough to decide in some 15 ms. */
const fullBatch = { actors: 256, mailPerActor: 128 };
const smallestShare = 256;
const managedBeforeMore = 16;

interface Trouble {
  failures: number;
  pauses: number;
  restsUntil: number;
}

/**
 * Actors whose turns failed at the store, by themselves and not in a batch: they rest, and are then tried apart from the
 * others, which so do not wait for them. And how much is asked at once: a batch that the store did not manage in time is made
 * smaller, until what is slow stands alone. Kept in memory: a node that starts anew is patient anew.
 */
export class Patience {
  readonly #clock: Pick<Clock, "now">;
  readonly #troubles = new Map<Address, Trouble>();
  #share = 1;
  #managed = 0;
  #trial: Promise<number> | null = null;

  constructor(clock: Pick<Clock, "now"> = { now: () => 0 }) {
    this.#clock = clock;
  }

  get batch(): { actors: number; mailPerActor: number } {
    const { actors, mailPerActor } = fullBatch;
    return { actors: actors / this.#share, mailPerActor: Math.ceil(mailPerActor / this.#share) };
  }

  get inTrouble(): Address[] {
    return [...this.#troubles.keys()];
  }

  /** Tries those in trouble that have rested. One pass at a time: whoever comes meanwhile gets its outcome, too. */
  tryApart(tryEach: (rested: Iterable<Address>) => Promise<number>): Promise<number> {
    this.#trial ??= tryEach(this.#rested()).finally(() => (this.#trial = null));
    return this.#trial;
  }

  /** No pass of `tryApart` is under way. */
  async settled(): Promise<void> {
    await this.#trial;
  }

  *#rested(): Iterable<Address> {
    for (const [address, { restsUntil }] of this.#troubles) {
      const restMs = restsUntil - this.#clock.now();
      // Longer is no rest of ours: the clock was set back.
      if (restMs <= 0 || restMs > longestPauseMs) yield address;
    }
  }

  /** True when this failure is one too many, or when trying again would end the same way: its mail is to be set aside. */
  isExhaustedBy(error: unknown, address: Address): boolean {
    const trouble = this.#trouble(address);
    if (isNobodysFault(error)) {
      this.#pause(trouble);
      return false;
    }
    trouble.failures += 1;
    this.#rest(trouble, Math.min(longestRestMs, firstRestMs * 2 ** (trouble.failures - 1)));
    return isUnwritable(error) || trouble.failures >= mostFailures;
  }

  forget(address: Address): void {
    this.#troubles.delete(address);
  }

  /** The store did not manage the batch of these. */
  asksLess(addresses: readonly Address[]): void {
    this.#managed = 0;
    if (this.#share < smallestShare) {
      this.#share *= 4;
      return;
    }
    for (const address of addresses) this.#pause(this.#trouble(address));
    // It is known now, so there is room for others beside it.
    this.#grow();
  }

  /** The store managed the batch. One that it does not costs a whole deadline, so that a larger one is not tried at once. */
  asksMore(): void {
    this.#managed += 1;
    if (this.#managed >= managedBeforeMore) this.#grow();
  }

  #grow(): void {
    this.#managed = 0;
    this.#share = Math.max(1, this.#share / 4);
  }

  #trouble(address: Address): Trouble {
    const trouble = this.#troubles.get(address) ?? { failures: 0, pauses: 0, restsUntil: 0 };
    this.#troubles.set(address, trouble);
    return trouble;
  }

  #pause(trouble: Trouble): void {
    trouble.pauses += 1;
    this.#rest(trouble, Math.min(longestPauseMs, firstPauseMs * 4 ** (trouble.pauses - 1)));
  }

  #rest(trouble: Trouble, ms: number): void {
    trouble.restsUntil = this.#clock.now() + ms;
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
