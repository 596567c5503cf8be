import { createParser } from "eventsource-parser";
import { CallError, refusalOf, unanswered } from "./call-error.ts";
import { isAborted, pause, waitBefore } from "./patience.ts";
import { parsedJson, query, tokenOf, type Connection } from "./send.ts";
import type { EventType, RouseEvent } from "./types.ts";

export interface EventOptions {
  threadId?: string;
  agentId?: string;
  /** Left out: all. */
  types?: readonly EventType[];
  /** `event_id` of the last event you have; "0" is the beginning; left out: from now on. */
  after?: string;
  /** Ends the iteration without an error. */
  signal?: AbortSignal;
  /** Tries in a row that may fail before the iteration does; 10 unless given. */
  attempts?: number;
  /** The node says something every 15 s: a connection that is silent for so long is dead. 60,000 unless given. */
  silentMs?: number;
}

/**
 * Events as they happen, each once and in order, over as many connections as that takes. Ends when the signal is aborted or
 * the loop is left. Throws `CallError` when the node refuses, or cannot be reached for long.
 */
export async function* followEvents(
  connection: Connection,
  options: EventOptions,
): AsyncGenerator<RouseEvent, void> {
  const { signal, attempts = 10 } = options;
  const place: Place = { after: options.after };
  for (let failures = 0; !isAborted(signal);) {
    const before = place.after;
    try {
      yield* readConnection(connection, options, place);
      failures = place.after === before ? failures + 1 : 0;
      if (failures >= attempts)
        throw unanswered(connection.url, new Error("the stream ends again and again"));
    } catch (error) {
      if (isAborted(signal)) return;
      failures = place.after === before ? failures + 1 : 1;
      const mayRepeat = error instanceof CallError && error.retryable && failures < attempts;
      if (!mayRepeat) throw error;
      await pause(waitBefore(failures, error.retryAfterMs), signal);
    }
  }
}

/** Where to go on; undefined until the node has said where it begins. */
interface Place {
  after: string | undefined;
}

async function* readConnection(
  connection: Connection,
  options: EventOptions,
  place: Place,
): AsyncGenerator<RouseEvent, void> {
  const over = new AbortController();
  const silence = new Silence(options.silentMs ?? 60_000, () => over.abort());
  const give = (): void => over.abort();
  options.signal?.addEventListener("abort", give);
  try {
    const body = await open(connection, { options, place, signal: over.signal });
    const frames = new Frames();
    const decoder = new TextDecoder();
    for await (const chunk of body) {
      silence.broken();
      for (const { id, event } of frames.feed(decoder.decode(chunk, { stream: true }))) {
        if (event !== null) yield event;
        // Only now: who leaves the loop at an event goes on after it.
        place.after = id;
      }
    }
  } catch (error) {
    throw error instanceof CallError ? error : unanswered(connection.url, error);
  } finally {
    silence.end();
    options.signal?.removeEventListener("abort", give);
    over.abort();
  }
}

async function open(
  { url, token }: Connection,
  { options, place, signal }: { options: EventOptions; place: Place; signal: AbortSignal },
): Promise<ReadableStream<Uint8Array>> {
  const { threadId, agentId, types } = options;
  const fields = { thread_id: threadId, agent_id: agentId, types: types?.join(","), after: place.after };
  const headers = { authorization: `Bearer ${await tokenOf(token)}`, accept: "text/event-stream" };
  const response = await fetch(`${url}/v1/events${query(fields)}`, { headers, signal });
  if (response.ok && response.body !== null) return response.body;
  const text = await response.text();
  throw refusalOf(url, response, parsedJson(text));
}

/** A place in the stream, with the event that stands there or null. */
interface Frame {
  id: string;
  event: RouseEvent | null;
}

/** Turns pieces of the stream's text into frames. */
class Frames {
  #found: Frame[] = [];
  readonly #parser = createParser({
    onEvent: ({ id, data }) => {
      // The node's goodbye carries no id.
      if (id !== undefined) this.#found.push({ id, event: JSON.parse(data) as RouseEvent });
    },
    onComment: (comment) => {
      const [, id] = /^\s*at (\S+)$/.exec(comment) ?? [];
      if (id !== undefined) this.#found.push({ id, event: null });
    },
  });

  feed(text: string): Frame[] {
    this.#parser.feed(text);
    const found = this.#found;
    this.#found = [];
    return found;
  }
}

/** Calls back when nothing was heard for a time. */
class Silence {
  readonly #timer: NodeJS.Timeout | number;
  readonly #ms: number;
  #heardAt = performance.now();

  constructor(ms: number, onSilent: () => void) {
    this.#ms = ms;
    this.#timer = setInterval(
      () => {
        if (performance.now() - this.#heardAt >= this.#ms) onSilent();
      },
      Math.ceil(ms / 4),
    );
  }

  broken(): void {
    this.#heardAt = performance.now();
  }

  end(): void {
    clearInterval(this.#timer);
  }
}
