import { setTimeout as sleep } from "node:timers/promises";
import { RouseError } from "../../../runtime/errors.ts";
import { failureOf } from "../failure.ts";
import type { Failure } from "./message.ts";
import type { TokenSource } from "./token-source.ts";

export interface LinkOptions {
  /** Asked anew for each attempt: after a restart the node may be elsewhere. Throws `not_running`. */
  url: () => string;
  tokens: TokenSource;
  /** How long an exchange is tried again while no node answers. */
  patienceMs: number;
  now: () => number;
}

export interface Exchange {
  body: string;
  headers: Record<string, string>;
  signal: AbortSignal;
}

const firstPauseMs = 100;
const longestPauseMs = 1_000;

/** Where it runs is a person's matter: the model that reads this is not told to start one. */
const away: Failure = {
  code: "not_running",
  message: "no node of Rouse answers",
  next_step: "Repeat the call in a moment; if it stays so, ask a person to run rouse up.",
  retryable: true,
};

/** What could not be had, for whoever asked. */
export class LinkFailure extends Error {
  override readonly name = "LinkFailure";
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

/** POSTs to the node's `/mcp`, through its restarts and with a token that is good. */
export class NodeLink {
  readonly #options: LinkOptions;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Repeats the exchange while no node takes it. Throws `LinkFailure`; an abort of the signal as it is. */
  async post(exchange: Exchange): Promise<Response> {
    const { now, patienceMs } = this.#options;
    const until = now() + patienceMs;
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      const found = await this.#attempt(exchange);
      if (found instanceof Response) return found;
      exchange.signal.throwIfAborted();
      if (!found.retryable || now() + pauseMs > until) throw new LinkFailure(found);
      await sleep(pauseMs, undefined, { signal: exchange.signal });
    }
  }

  async #attempt(exchange: Exchange): Promise<Response | Failure> {
    try {
      const response = await this.#send(exchange);
      if (response.status !== 503 && response.status !== 429) return response;
      return await refusal(response);
    } catch (error) {
      if (error instanceof LinkFailure) return error.failure;
      // Fetch says nothing but TypeError where nobody answers or the connection broke.
      const failure = error instanceof TypeError ? away : failureOf(error);
      return failure.code === away.code ? away : failure;
    }
  }

  async #send(exchange: Exchange): Promise<Response> {
    const url = this.#options.url();
    const token = await this.#options.tokens.current();
    const response = await this.#request(url, token, exchange);
    if (response.status !== 401) return response;
    if (!(await this.#options.tokens.replace(token))) throw new LinkFailure(await refusal(response));
    return this.#request(url, await this.#options.tokens.current(), exchange);
  }

  #request(url: string, token: string, { body, headers, signal }: Exchange): Promise<Response> {
    return fetch(`${url}/mcp`, {
      method: "POST",
      body,
      signal,
      headers: {
        ...headers,
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
    });
  }
}

/** The node's own words for its refusal. */
export async function refusal(response: Response): Promise<Failure> {
  const text = await response.text();
  try {
    const { code, message, next_step, retryable } = JSON.parse(text) as Partial<Failure>;
    if (typeof code === "string" && typeof message === "string") {
      return { code, message, next_step: next_step ?? null, retryable: retryable === true };
    }
  } catch {
    // No node of ours: said below.
  }
  const strange = new RouseError("internal", `the node answered HTTP ${response.status}`, {
    nextStep: "Check the node's address and its log.",
  });
  return failureOf(strange);
}
