import { hashOf } from "./choices.ts";

/** What happened, in readable form, and one hash over all of it. */
export class Trace {
  readonly #start: number;
  readonly #keep: number;
  readonly #onLine: ((line: string) => void) | null;
  #lines: string[] = [];
  #hash = 0x811c9dc5;

  constructor(startAt: number, { keep = 60, onLine = null }: TraceOptions = {}) {
    this.#start = startAt;
    this.#keep = keep;
    this.#onLine = onLine;
  }

  get hash(): string {
    return this.#hash.toString(16).padStart(8, "0");
  }

  write(now: number, who: string, what: string): void {
    const line = `${((now - this.#start) / 1_000).toFixed(3).padStart(9)} ${who.padEnd(8)} ${what}`;
    this.#hash = hashOf(line, this.#hash);
    this.#lines.push(line);
    if (this.#lines.length > 2 * this.#keep) this.#lines = this.#lines.slice(-this.#keep);
    this.#onLine?.(line);
  }

  /** Newest last. */
  last(): string[] {
    return this.#lines.slice(-this.#keep);
  }
}

export interface TraceOptions {
  /** Lines to remember. */
  keep?: number;
  onLine?: ((line: string) => void) | null;
}
