import type { Clock } from "../../../runtime/clock.ts";

/** Virtual time that passes only when told. */
export class VirtualClock implements Clock {
  #now = 1_000_000;
  #pending: { dueAt: number; callback: () => void }[] = [];

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const entry = { dueAt: this.#now + ms, callback };
    this.#pending.push(entry);
    return () => {
      this.#pending = this.#pending.filter((candidate) => candidate !== entry);
    };
  }

  /** Calls back what falls due within `ms`, in order of time. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await atRest();
      const next = this.#pending.toSorted((a, b) => a.dueAt - b.dueAt)[0];
      if (next === undefined || next.dueAt > end) break;
      this.#pending = this.#pending.filter((candidate) => candidate !== next);
      this.#now = Math.max(this.#now, next.dueAt);
      next.callback();
    }
    this.#now = end;
  }
}

/** Lets promises settle that need no time to pass. */
function atRest(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
