import type { Writable } from "node:stream";
import { isRouseError } from "../../runtime/errors.ts";
import type { Caller } from "../operations/caller.ts";
import {
  formatEventCursor,
  parseEventCursor,
  readAfter,
  type EventCursor,
} from "../operations/event-cursor.ts";
import type { EventLens } from "../operations/event-lens.ts";
import { endOf } from "../operations/events.ts";
import type { EventView } from "../operations/event-view.ts";
import type { TokenWatch } from "../operations/tokens.ts";
import type { JournalFeed } from "./journal-feed.ts";

/** Why a stream ended. The client goes on by the last id, unless its token was refused. */
export type StreamEnd = "draining" | "token_expired" | "token_revoked" | "too_slow" | "failed";

export interface StreamTiming {
  /** Something is written at least this often, so that both sides notice a dead connection. */
  heartbeatMs: number;
  /** A client that takes nothing for so long is let go. */
  slowMs: number;
}

export interface EventStreamOptions {
  raw: Writable;
  caller: Caller;
  feed: JournalFeed;
  lens: EventLens;
  from: EventCursor;
  timing: StreamTiming;
  /** Aborts when the token is refused by now, with the reason as its error. */
  watch: TokenWatch;
  onError: (error: unknown) => void;
}

/** One open `text/event-stream`. It reads from its own cursor, so a slow client waits in the journal, not in memory. */
export class EventStream {
  readonly caller: Caller;
  readonly #options: EventStreamOptions;
  readonly #over = new AbortController();
  #cursor: EventCursor;
  #end: StreamEnd | null = null;

  constructor(options: EventStreamOptions) {
    this.caller = options.caller;
    this.#options = options;
    this.#cursor = options.from;
    options.raw.once("close", () => this.#over.abort());
    // It may have gone while the stream was being prepared.
    if (options.raw.destroyed) this.#over.abort();
  }

  /** Ends it after what is being written, and tells the client why. */
  end(reason: StreamEnd): void {
    this.#end ??= reason;
    this.#over.abort();
  }

  /** Resolves when the stream is over. */
  async run(): Promise<void> {
    const { raw, feed, watch, onError } = this.#options;
    const endFollowing = feed.follow();
    const refuse = (): void =>
      this.end(isRouseError(watch.signal.reason, "token_expired") ? "token_expired" : "token_revoked");
    watch.signal.addEventListener("abort", refuse);
    if (watch.signal.aborted) refuse();
    try {
      // Also a client that sees no event goes on from here.
      await this.#write(`retry: 2000\n${this.#mark()}`);
      while (!this.#over.signal.aborted) await this.#step();
    } catch (error) {
      this.#end ??= "failed";
      onError(error);
    } finally {
      watch.signal.removeEventListener("abort", refuse);
      watch.close();
      endFollowing();
      this.#goodbye(raw);
    }
  }

  async #step(): Promise<void> {
    const { feed, lens } = this.#options;
    const entries = await feed.read(readAfter(this.#cursor));
    const events = await lens.look(entries, this.#cursor);
    // A page at a time: what does not fit is read again later.
    for (const event of events) {
      if (this.#over.signal.aborted) return;
      await this.#write(frame(event));
      this.#cursor = parseEventCursor(event.event_id);
    }
    this.#cursor = endOf(entries.at(-1)?.journalId, this.#cursor);
    if (entries.length > 0) return;
    if (await this.#isQuiet()) await this.#write(this.#mark());
  }

  /** False as soon as there is news; true when nothing came for a heartbeat's time. */
  async #isQuiet(): Promise<boolean> {
    const { feed, timing } = this.#options;
    const beat = AbortSignal.timeout(timing.heartbeatMs);
    await feed.news(readAfter(this.#cursor), AbortSignal.any([beat, this.#over.signal]));
    return beat.aborted && !this.#over.signal.aborted;
  }

  /** An id without data is no event, but the client resumes from it: past all that was not for it. */
  #mark(): string {
    return `: at ${formatEventCursor(this.#cursor)}\nid: ${formatEventCursor(this.#cursor)}\n\n`;
  }

  async #write(text: string): Promise<void> {
    const { raw } = this.#options;
    if (this.#over.signal.aborted || raw.write(text)) return;
    const drained = await this.#drain();
    if (!drained && !this.#over.signal.aborted) this.end("too_slow");
  }

  #drain(): Promise<boolean> {
    const { raw, timing } = this.#options;
    const { signal } = this.#over;
    return new Promise((resolve) => {
      const finish = (isDrained: boolean) => (): void => {
        clearTimeout(timer);
        raw.off("drain", drained);
        signal.removeEventListener("abort", over);
        resolve(isDrained);
      };
      const drained = finish(true);
      const over = finish(false);
      const timer = setTimeout(over, timing.slowMs);
      raw.once("drain", drained);
      signal.addEventListener("abort", over);
    });
  }

  #goodbye(raw: Writable): void {
    if (this.#end === null || raw.destroyed) return;
    raw.end(`event: stream.closed\ndata: ${JSON.stringify({ reason: this.#end })}\n\n`);
    // Who does not read does not read the goodbye either.
    if (this.#end === "too_slow") raw.destroy();
  }
}

function frame(event: EventView): string {
  return `id: ${event.event_id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
