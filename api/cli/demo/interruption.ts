import { constants } from "node:os";

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** The person's wish to stop. From the first signal on there is time to clear up; more signals change nothing. */
export class Interruption {
  readonly #controller = new AbortController();
  readonly #listener = (name: NodeJS.Signals): void => {
    this.exitCode = 128 + constants.signals[name];
    this.#controller.abort(new Error(`interrupted by ${name}`));
  };
  exitCode = 0;

  constructor() {
    for (const name of signals) process.on(name, this.#listener);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get hasCome(): boolean {
    return this.signal.aborted;
  }

  /** Waits for the work to end, even when interrupted: what it began can only be cleared away once it stands. */
  async orElse<Value>(work: Promise<Value>): Promise<Value> {
    const value = await work;
    this.signal.throwIfAborted();
    return value;
  }

  dispose(): void {
    for (const name of signals) process.off(name, this.#listener);
  }
}
