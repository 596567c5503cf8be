import type { PortCall } from "./ports.ts";
import type { ClaimedEffect, EffectKey, Store, Transaction } from "./store.ts";

export interface AttemptOptions {
  store: Store;
  /** The attempt wrote something that others wait for. */
  onWritten: () => void;
}

/** What an attempt may do to the outside of its own work, each write fenced by the lease. */
export class Attempt {
  started = false;
  readonly #effect: ClaimedEffect;
  readonly #options: AttemptOptions;
  readonly #signal: AbortSignal;

  constructor(effect: ClaimedEffect, options: AttemptOptions, signal: AbortSignal) {
    this.#effect = effect;
    this.#options = options;
    this.#signal = signal;
  }

  call(): PortCall<unknown> {
    const { lease, port, attempt, input } = this.#effect;
    const { store } = this.#options;
    return {
      input,
      address: lease.address,
      key: keyOf(lease),
      attempt,
      lease,
      signal: this.#signal,
      markStarted: async () => {
        this.#signal.throwIfAborted();
        await store.startEffect(lease);
        this.started = true;
        this.#signal.throwIfAborted();
      },
      report: (event) => this.#write((tx) => tx.send([{ to: lease.address, from: `effect/${port}`, event }])),
      transaction: (work) => this.#write(work),
      getActor: (address) => store.getActor(address),
    };
  }

  async #write<Result>(work: (tx: Transaction) => Promise<Result>): Promise<Result> {
    const { store, onWritten } = this.#options;
    const result = await store.transaction(work, { lease: this.#effect.lease });
    onWritten();
    return result;
  }
}

export function keyOf({ address, incarnation }: EffectKey): string {
  return `${address}:${incarnation}`;
}
