import type { Clock } from "./clock.ts";
import { isNobodysFault } from "./patience.ts";
import type { Doorbell, Work } from "./store.ts";

/** What one pass of work answers. */
export interface NextTick {
  /** When to look again: at once (0), or after so many ms unless the doorbell rings first. */
  againInMs: number;
  /** Not before, whoever rings: so that the next tick finds more to do at once. Default: 0. */
  notBeforeMs?: number;
}

export interface LoopOptions {
  name: string;
  tick: () => Promise<NextTick>;
  clock: Clock;
  /** Absent: only time wakes the loop. */
  doorbell?: Doorbell;
  /** Which rings wake it; absent: every one. */
  work?: Work;
  onError: (error: unknown) => void;
}

const firstBackoffMs = 100;
const maxBackoffMs = 5_000;
/** As often as an idle loop asks: after a failover nobody sleeps on while the database serves again. */
const maxBackoffWhileAwayMs = 1_000;

/** Repeats a tick until stopped. Failures back off and never end it. */
export class Loop {
  readonly #options: LoopOptions;
  #running: Promise<void> | null = null;
  #stopped = false;
  #rung = false;
  #failures = 0;
  #wake: (() => void) | null = null;
  #endRest: (() => void) | null = null;
  #endRing: (() => void) | null = null;

  constructor(options: LoopOptions) {
    this.#options = options;
  }

  /** Idempotent. */
  start(): void {
    if (this.#running !== null) return;
    this.#stopped = false;
    this.#endRing = this.#options.doorbell?.onRing(() => this.ring(), this.#options.work) ?? null;
    this.#running = this.#run();
  }

  /** Look at once. */
  ring(): void {
    this.#rung = true;
    // A doorbell must not defeat the backoff of a failing tick.
    if (this.#failures === 0) this.#wake?.();
  }

  /** Ends after the tick under way. Idempotent. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#endRing?.();
    this.#wake?.();
    this.#endRest?.();
    await this.#running;
    this.#running = null;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      this.#rung = false;
      const { againInMs, notBeforeMs = 0 } = await this.#attempt();
      if (notBeforeMs > 0 && !this.#stopped) await this.#rest(notBeforeMs);
      if (againInMs > notBeforeMs && !this.#stopped) await this.#sleep(againInMs - notBeforeMs);
    }
  }

  async #attempt(): Promise<NextTick> {
    try {
      const next = await this.#options.tick();
      this.#failures = 0;
      return next;
    } catch (error) {
      this.#options.onError(error);
      this.#failures += 1;
      const mostMs = isNobodysFault(error) ? maxBackoffWhileAwayMs : maxBackoffMs;
      return { againInMs: Math.min(mostMs, firstBackoffMs * 2 ** (this.#failures - 1)) };
    }
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, finish);
      const wake = (this.#wake = finish);
      function finish(): void {
        cancel();
        resolve();
      }
      if (this.#rung && this.#failures === 0) wake();
    });
  }

  /** No ring ends it. */
  #rest(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(ms, finish);
      this.#endRest = finish;
      function finish(): void {
        cancel();
        resolve();
      }
    });
  }
}
