import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { eventData } from "./event-stream.ts";
import {
  failedAnswer,
  namedRevision,
  parseMessage,
  routingHeaders,
  type Id,
  type Message,
} from "./message.ts";
import { LinkFailure, refusal, type NodeLink } from "./node-link.ts";
import { Subscriptions } from "./subscriptions.ts";

type Request = Message & { id: Id; method: string };

export interface ProxyOptions {
  link: NodeLink;
  /** Writes one message to the client. */
  write: (message: Message) => void;
  /** Failures that no request waits for. */
  report: (text: string) => void;
}

const reopenAfterMs = 500;

/** Carries messages between a client on standard input and output and the node's HTTP endpoint, in either era. */
export class Proxy {
  readonly #options: ProxyOptions;
  readonly #over = new AbortController();
  readonly #running = new Map<Id, AbortController>();
  readonly #subscriptions: Subscriptions;
  /** Agreed upon by `initialize`; the later era has no such thing. */
  #revision: string | null = null;
  /** Tools that take an idempotency key, once known. */
  #changing: Promise<ReadonlySet<string>> | null = null;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#subscriptions = new Subscriptions(options.link, options.write, this.#over.signal);
  }

  /** One line of input. Answers come when they come, in any order. */
  receive(line: string): void {
    if (line.trim() === "") return;
    const message = parseMessage(line);
    if (message === null) {
      const error = { code: -32_700, message: "this line is no JSON-RPC 2.0 message" };
      this.#options.write({ jsonrpc: "2.0", id: null, error });
    } else if (isRequest(message)) void this.#answer(message);
    else void this.#pass(message);
  }

  /** Gives up what is under way. */
  close(): void {
    this.#over.abort();
  }

  async #pass(message: Message): Promise<void> {
    if (message.method === "notifications/cancelled") {
      // The node hears of it as a connection that closes.
      const id = message.params?.["requestId"];
      if (typeof id === "string" || typeof id === "number") this.#running.get(id)?.abort();
      return;
    }
    try {
      await this.#post(message, this.#over.signal);
    } catch (error) {
      if (!this.#over.signal.aborted)
        this.#options.report(`${message.method ?? "an answer"}: ${String(error)}`);
    }
  }

  async #answer(request: Request): Promise<void> {
    const cancel = new AbortController();
    const signal = AbortSignal.any([this.#over.signal, cancel.signal]);
    this.#running.set(request.id, cancel);
    try {
      if (this.#isSubscription(request)) return;
      const isListening = request.method === "subscriptions/listen";
      await (isListening ? this.#listen(request, signal) : this.#relay(request, signal));
    } catch (error) {
      if (signal.aborted) return;
      if (!(error instanceof LinkFailure)) this.#options.report(String(error));
      this.#options.write(failedAnswer(request, failureFrom(error)));
    } finally {
      if (this.#running.get(request.id) === cancel) this.#running.delete(request.id);
    }
  }

  /** Subscriptions of the earlier era end here: the node keeps no connection that they could live on. */
  #isSubscription({ id, method, params }: Request): boolean {
    const uri = params?.["uri"];
    if (typeof uri !== "string") return false;
    if (method === "resources/subscribe") this.#subscriptions.add(uri);
    else if (method === "resources/unsubscribe") this.#subscriptions.remove(uri);
    else return false;
    this.#options.write({ jsonrpc: "2.0", id, result: {} });
    return true;
  }

  async #relay(given: Request, signal: AbortSignal): Promise<void> {
    const request = await this.#repeatable(given);
    const answer = await this.#exchange(request, signal);
    if (request.method === "initialize") this.#noteAgreement(answer);
    this.#options.write(answer);
  }

  /** The answer, over as many connections as it takes: one that broke half-way says nothing about what was done. */
  async #exchange(request: Request, signal: AbortSignal): Promise<Message> {
    for (let attempt = 1; ; attempt++) {
      const response = await this.#post(request, signal);
      try {
        const answer = await this.#readAnswer(request, response);
        if (answer !== null) return answer;
      } catch (error) {
        if (signal.aborted || error instanceof LinkFailure) throw error;
      }
      if (attempt === 3) throw new LinkFailure(broken);
      await sleep(reopenAfterMs, undefined, { signal });
    }
  }

  async #readAnswer(request: Request, response: Response): Promise<Message | null> {
    if (isStream(response)) {
      for await (const data of eventData(response.body)) {
        const message = parseMessage(data);
        if (message === null) continue;
        if (message.id === request.id && message.method === undefined) return message;
        this.#options.write(message);
      }
      return null;
    }
    const text = await response.clone().text();
    const message = parseMessage(text);
    if (message !== null) return { ...message, id: request.id };
    throw new LinkFailure(await refusal(response));
  }

  /** A subscription of the later era: opened anew whenever the node went away, until the client ends it. */
  async #listen(request: Request, signal: AbortSignal): Promise<void> {
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      const response = await this.#post(request, signal);
      if (!isStream(response)) return this.#options.write(await this.#exchange(request, signal));
      try {
        for await (const data of eventData(response.body)) {
          const message = parseMessage(data);
          const isAgain = !isFirst && message?.method === "notifications/subscriptions/acknowledged";
          // Its end is the node's, not the subscription's.
          if (message !== null && !isAgain && message.id === undefined) this.#options.write(message);
        }
      } catch {
        // The node went away in the middle.
      }
      await sleep(reopenAfterMs, undefined, { signal });
    }
  }

  #post(message: Message, signal: AbortSignal): Promise<Response> {
    const headers = routingHeaders(message, this.#revision);
    return this.#options.link.post({ body: JSON.stringify(message), headers, signal });
  }

  /** What changes something gets a key, so that it can be sent again when the node went away in the middle. */
  async #repeatable(request: Request): Promise<Request> {
    const { method, params } = request;
    if (method !== "tools/call") return request;
    const given = (params?.["arguments"] ?? {}) as Record<string, unknown>;
    if ("idempotency_key" in given) return request;
    this.#changing ??= this.#listChanging(request).catch((error: unknown) => {
      this.#changing = null;
      throw error;
    });
    if (!(await this.#changing).has(String(params?.["name"]))) return request;
    return { ...request, params: { ...params, arguments: { ...given, idempotency_key: randomUUID() } } };
  }

  async #listChanging(request: Request): Promise<ReadonlySet<string>> {
    const meta = request.params?.["_meta"];
    const params = namedRevision(request) === null ? {} : { params: { _meta: meta } };
    const message: Request = { jsonrpc: "2.0", id: "rouse-tools", method: "tools/list", ...params };
    const { result } = await this.#exchange(message, this.#over.signal);
    const { tools } = result as { tools: { name: string; inputSchema: { properties?: object } }[] };
    return new Set(
      tools
        .filter(({ inputSchema }) => "idempotency_key" in (inputSchema.properties ?? {}))
        .map(({ name }) => name),
    );
  }

  /** Here a connection lasts, so that subscriptions can be offered, which the stateless endpoint cannot. */
  #noteAgreement(answer: Message): void {
    const result = answer.result as
      | { protocolVersion?: string; capabilities?: Record<string, object> }
      | undefined;
    this.#revision = result?.protocolVersion ?? null;
    if (result?.capabilities?.["resources"] === undefined) return;
    result.capabilities["resources"] = { subscribe: true, listChanged: true };
  }
}

const broken = {
  code: "not_running",
  message: "the connection to the node broke before it answered",
  next_step: "Repeat the call; with the same idempotency key if it changes something.",
  retryable: true,
};

function failureFrom(error: unknown) {
  if (error instanceof LinkFailure) return error.failure;
  return {
    code: "internal",
    message: "the proxy failed",
    next_step: "See its standard error.",
    retryable: false,
  };
}

function isRequest(message: Message): message is Request {
  return message.method !== undefined && message.id !== undefined && message.id !== null;
}

function isStream(response: Response): response is Response & { body: NonNullable<Response["body"]> } {
  return (
    response.headers.get("content-type")?.startsWith("text/event-stream") === true && response.body !== null
  );
}
