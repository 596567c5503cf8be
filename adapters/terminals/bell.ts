import { delay, type Clock } from "../../runtime/clock.ts";

/** Remembers a ring until somebody waits for it. */
export class Bell {
  readonly #clock: Clock;
  #hasRung = false;
  #wake: AbortController | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#hasRung = true;
    this.#wake?.abort();
  }

  async rungWithin(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#hasRung) {
      this.#wake = new AbortController();
      await delay(this.#clock, ms, AbortSignal.any([signal, this.#wake.signal]));
      this.#wake = null;
    }
    this.#hasRung = false;
  }
}
