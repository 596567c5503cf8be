import type { Clock } from "../../runtime/clock.ts";

/** A program that goes on with what is refused asks every few seconds: one row says as much as thousands. */
const repeatMs = 10 * 60_000;
const mostPerMinute = 60;
const mostRemembered = 1_000;

/** Which of many refusals are news: the first of its kind within ten minutes, and at most 60 within a minute. */
export class NewsLimit {
  readonly #clock: Clock;
  readonly #noted = new Map<string, number>();
  #minute = { since: Number.NEGATIVE_INFINITY, rows: 0 };

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  isNews(key: string): boolean {
    const now = this.#clock.now();
    const notedAt = this.#noted.get(key);
    if (notedAt !== undefined && Math.abs(now - notedAt) < repeatMs) return false;
    if (Math.abs(now - this.#minute.since) >= 60_000) this.#minute = { since: now, rows: 0 };
    return this.#minute.rows < mostPerMinute;
  }

  /** Once it was written down. */
  remember(key: string): void {
    this.#minute.rows += 1;
    if (this.#noted.size >= mostRemembered) this.#noted.clear();
    this.#noted.set(key, this.#clock.now());
  }
}
