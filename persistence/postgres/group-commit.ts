import { AsyncLocalStorage } from "node:async_hooks";

import { isRouseError } from "../../runtime/errors.ts";
import type { Transaction } from "../../runtime/store.ts";
import type { SharedTransaction } from "./shared-transaction.ts";

/** More wait for the next. */
const mostMembers = 32;
/** After several at once: who was just answered comes again in a moment, and fewer, larger ones cost less. */
const crowdRestMs = 1;
/** One that takes longer waits for a lock or a standby: the next does not wait for it. */
const patienceMs = 100;

type Work<Result> = (tx: Transaction) => Promise<Result>;
export type Share = (work: (shared: SharedTransaction) => Promise<void>) => Promise<void>;

/**
 * Transactions of one kind that wait at the same moment share one: its BEGIN, its flights and its COMMIT are paid once. A
 * lone one goes at once, by itself. What fails after it wrote undoes all of it, and then each is run again by itself: so
 * each ends as it would have without the others.
 */
export class GroupCommit {
  readonly #share: Share;
  readonly #waiting: Member[] = [];
  #isBusy = false;

  /** @param share runs one transaction: commits when the work is fulfilled, else undoes it */
  constructor(share: Share) {
    this.#share = share;
  }

  /** @param alone the same work in a transaction of its own */
  transaction<Result>(work: Work<Result>, alone: () => Promise<Result>): Promise<Result> {
    return new Promise((resolve, reject) => {
      this.#waiting.push(memberOf(work, alone, { resolve, reject }));
      if (!this.#isBusy) this.#next();
    });
  }

  #next(): void {
    this.#isBusy = this.#waiting.length > 0;
    // What has arrived already is read first.
    if (this.#isBusy) setImmediate(() => this.#begin());
  }

  #begin(): void {
    const members = this.#waiting.splice(0, mostMembers);
    let isLate = false;
    const late = setTimeout(() => {
      isLate = true;
      this.#next();
    }, patienceMs);
    void this.#run(members).finally(() => {
      clearTimeout(late);
      if (isLate) return;
      if (members.length > 1) setTimeout(() => this.#next(), crowdRestMs);
      else this.#next();
    });
  }

  /** Fulfilled once the transaction is over. */
  async #run(members: readonly Member[]): Promise<void> {
    if (members.length === 1) return members[0]?.runAlone();
    try {
      await this.#share(async (shared) => {
        await Promise.all(members.map((member) => member.runIn(shared)));
        if (members.some(({ mustUndo }) => mustUndo)) throw new Error("One of them failed.");
        await shared.finish();
      });
    } catch (error) {
      for (const member of members) member.afterUndoing(error);
      return;
    }
    for (const member of members) member.settle();
  }
}

interface Member {
  runIn: (shared: SharedTransaction) => Promise<void>;
  readonly mustUndo: boolean;
  settle: () => void;
  afterUndoing: (reason: unknown) => void;
  /** Never throws. */
  runAlone: () => Promise<void>;
}

/** It is away, or did not tell whether it committed: running each by itself would not know better. */
function isOfDatabase(error: unknown): boolean {
  return isRouseError(error, "database_unavailable") || isRouseError(error, "commit_outcome_unknown");
}

function memberOf<Result>(
  work: Work<Result>,
  alone: () => Promise<Result>,
  { resolve, reject }: { resolve: (result: Result) => void; reject: (error: unknown) => void },
): Member {
  const inItsContext = AsyncLocalStorage.snapshot();
  let hasWritten = false;
  let outcome: { result: Result } | { error: unknown } | null = null;
  const hasFailed = (): boolean => outcome !== null && "error" in outcome;
  /** A decision that left nothing behind is as good as that of a transaction of its own. */
  const isRefused = (): boolean => {
    if (outcome === null || !("error" in outcome) || hasWritten) return false;
    return isRouseError(outcome.error) && outcome.error.code !== "conflict";
  };
  const settle = (): void => {
    if (outcome === null) return;
    if ("error" in outcome) reject(outcome.error);
    else resolve(outcome.result);
  };
  const runAlone = (): Promise<void> => inItsContext(alone).then(resolve, reject);
  return {
    async runIn(shared) {
      const tx = shared.openFor(() => (hasWritten = true));
      try {
        outcome = { result: await inItsContext(work, tx) };
      } catch (error) {
        outcome = { error };
      }
    },
    get mustUndo() {
      return hasFailed() && !isRefused();
    },
    settle,
    afterUndoing(reason) {
      if (isRefused()) settle();
      else if (isOfDatabase(reason)) reject(reason);
      else void runAlone();
    },
    runAlone,
  };
}
