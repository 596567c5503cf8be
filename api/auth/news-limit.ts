import type { Clock } from "../../runtime/clock.ts";

/** A program that goes on with what is refused asks every few seconds: one row says as much as thousands. */
const repeatMs = 10 * 60_000;
const mostPerMinute = 60;
const mostRemembered = 1_000;

interface Noted {
  at: number;
  written: Promise<void>;
}

/** Which of many refusals are news: the first of its kind within ten minutes, and at most 60 within a minute. */
export class NewsLimit {
  readonly #clock: Clock;
  readonly #noted = new Map<string, Noted>();
  #minute = { since: Number.NEGATIVE_INFINITY, rows: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Writes it down when it is news, and tells whether it was. Counted before it is written, so that a flood that comes at once
   * is bounded too; of one kind all wait for the same row. Throws what `write` throws, to each of them.
   */
  async note(key: string, write: () => Promise<void>): Promise<boolean> {
    const now = this.#clock.now();
    const noted = this.#noted.get(key);
    if (noted !== undefined && Math.abs(now - noted.at) < repeatMs) {
      await noted.written;
      return false;
    }
    if (Math.abs(now - this.#minute.since) >= 60_000) this.#minute = { since: now, rows: 0 };
    const minute = this.#minute;
    if (minute.rows >= mostPerMinute) return false;
    minute.rows += 1;
    if (this.#noted.size >= mostRemembered) this.#noted.clear();
    const written = write();
    this.#noted.set(key, { at: now, written });
    try {
      await written;
    } catch (error) {
      minute.rows -= 1;
      this.#noted.delete(key);
      throw error;
    }
    return true;
  }
}
