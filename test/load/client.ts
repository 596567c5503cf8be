import { setTimeout as pause } from "node:timers/promises";

/** A careful caller: asks another node when one does not answer, with the same idempotency key, until it has an answer. */
export class Client {
  readonly #urls: readonly string[];
  readonly #token: string;
  /** How often a call had to be repeated. */
  retries = 0;

  constructor(urls: readonly string[], token: string) {
    this.#urls = urls;
    this.#token = token;
  }

  async call<Result>(
    method: string,
    path: string,
    options: { body?: object; key?: string; withinMs?: number } = {},
  ): Promise<Result> {
    const endsAt = performance.now() + (options.withinMs ?? patienceMs);
    for (let turn = Math.floor(Math.random() * this.#urls.length); ; turn += 1) {
      const answer = await this.#ask(this.#urls[turn % this.#urls.length] ?? "", method, path, options);
      if ("result" in answer) return answer.result as Result;
      if (!answer.again || performance.now() > endsAt) throw new Error(`${method} ${path}: ${answer.why}`);
      this.retries += 1;
      await pause(betweenTriesMs);
    }
  }

  async #ask(
    url: string,
    method: string,
    path: string,
    { body, key }: { body?: object; key?: string },
  ): Promise<{ result: unknown } | { again: boolean; why: string }> {
    try {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${this.#token}`,
          "content-type": "application/json",
          ...(key === undefined ? {} : { "idempotency-key": key }),
        },
        signal: AbortSignal.timeout(answersWithinMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await response.text();
      if (response.ok) return { result: JSON.parse(text) };
      return { again: response.status >= 500 || text.includes('"retryable":true'), why: text };
    } catch (error) {
      return { again: true, why: String(error) };
    }
  }
}

const patienceMs = 120_000;
const betweenTriesMs = 100;
/** A node whose database went away answers within its own deadline of 30 s; another node may be asked sooner. */
const answersWithinMs = 8_000;
