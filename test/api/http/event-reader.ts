import { createParser } from "eventsource-parser";
import type { EventView } from "../../../api/operations/event-view.ts";

/** One open stream, as a client sees it. */
export interface EventReader {
  status: number;
  headers: Headers;
  events: EventView[];
  /** The id that a client would resume from. */
  lastId(): string;
  /** Reason of the server's goodbye; null without one. */
  reason(): string | null;
  /** Resolves when so many events are there. */
  until(count: number): Promise<EventView[]>;
  /** Resolves when the stream has ended. */
  ended: Promise<void>;
  close(): void;
}

export interface ReaderOptions {
  query?: string;
  lastEventId?: string;
}

export async function readEvents(
  url: string,
  token: string,
  options: ReaderOptions = {},
): Promise<EventReader> {
  const over = new AbortController();
  const headers: Record<string, string> = { authorization: `Bearer ${token}` };
  if (options.lastEventId !== undefined) headers["last-event-id"] = options.lastEventId;
  const response = await fetch(`${url}/v1/events${options.query ?? ""}`, { headers, signal: over.signal });
  const events: EventView[] = [];
  let lastId = "";
  let reason: string | null = null;
  let told = (): void => {};
  const parser = createParser({
    onEvent({ id, event, data }) {
      if (event === "stream.closed") reason = (JSON.parse(data) as { reason: string }).reason;
      else events.push(JSON.parse(data) as EventView);
      if (id !== undefined) lastId = id;
      told();
    },
  });
  const read = async (): Promise<void> => {
    const decoder = new TextDecoder();
    for await (const chunk of response.body ?? []) {
      const text = decoder.decode(chunk as Uint8Array, { stream: true });
      // An id without data is no event, but is resumed from.
      lastId = /.*^id: (\S+)$/ms.exec(text)?.[1] ?? lastId;
      parser.feed(text);
      told();
    }
  };
  const ended = read().then(
    () => told(),
    () => told(),
  );
  return {
    status: response.status,
    headers: response.headers,
    events,
    lastId: () => lastId,
    reason: () => reason,
    async until(count) {
      while (events.length < count) await new Promise<void>((resolve) => (told = resolve));
      return events;
    },
    ended,
    close: () => over.abort(),
  };
}
