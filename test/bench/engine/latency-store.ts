import type { Store, Transaction, TurnCommit } from "../../../runtime/store.ts";

/** When a mail was handed to the database, epoch ms with fractions; the charts pass over the property. */
export const sentAtKey = "benchSentAt";

export function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

/** A store that notes how long after it was sent each mail's turn was committed. */
export class LatencyStore {
  readonly store: Store;
  #latencies: number[] = [];

  constructor(inner: Store) {
    this.store = Object.assign(Object.create(inner) as Store, inner, {
      transaction: <Result>(work: (tx: Transaction) => Promise<Result>, options?: object): Promise<Result> =>
        this.#watch(inner, work, options),
    });
  }

  take(): number[] {
    return this.#latencies.splice(0);
  }

  async #watch<Result>(
    inner: Store,
    work: (tx: Transaction) => Promise<Result>,
    options?: object,
  ): Promise<Result> {
    const sent: number[] = [];
    const result = await inner.transaction((tx) => work(noting(tx, sent)), options);
    const now = nowMs();
    for (const sentAt of sent) this.#latencies.push(now - sentAt);
    return result;
  }
}

function noting(tx: Transaction, sent: number[]): Transaction {
  const commitTurns = (commits: readonly TurnCommit[]): Promise<void> => {
    for (const { consumed } of commits) {
      for (const { event } of consumed) {
        const at = event[sentAtKey];
        if (typeof at === "number") sent.push(at);
      }
    }
    return tx.commitTurns(commits);
  };
  return Object.assign(Object.create(tx) as Transaction, tx, { commitTurns });
}
