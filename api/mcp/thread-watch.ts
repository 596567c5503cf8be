import { setTimeout as sleep } from "node:timers/promises";
import type { TokenWatch } from "../operations/tokens.ts";
import { getOperation } from "../operations/list.ts";
import { runOperation } from "../operations/run-operation.ts";
import type { McpRequest, OnError } from "./request.ts";
import { threadUri } from "./resources.ts";

export interface ThreadListener {
  /** A thread has new messages or another status. */
  onChanged: (uri: string) => void;
  /** The caller has other threads than before. */
  onListChanged: () => void;
  /** The caller's token is good no more. */
  onEnd: () => void;
  onError: OnError;
}

/** The doorbell loses rings when its connection breaks. */
const lookEveryMs = 5_000;
/** A burst of messages is one look. */
const restMs = 500;
/** Of 100 threads; newest first, so that it is the oldest that are not watched. */
const mostPages = 5;

interface Row {
  thread_id: string;
  head_seq: number;
  updated_at: string;
}

/** Tells of changes in the threads that the caller may see, by looking as the caller. Returns the function that ends it. */
export function watchThreads(request: McpRequest, listener: ThreadListener): () => void {
  const watch = new ThreadWatch(request, listener);
  void watch.run();
  return () => watch.close();
}

class ThreadWatch {
  readonly #request: McpRequest;
  readonly #listener: ThreadListener;
  readonly #token: TokenWatch;
  readonly #endRings: () => void;
  readonly #over = new AbortController();
  #rung = Promise.withResolvers<void>();

  constructor(request: McpRequest, listener: ThreadListener) {
    this.#request = request;
    this.#listener = listener;
    this.#token = request.workspace.tokens.watch(request.caller);
    this.#token.signal.addEventListener("abort", listener.onEnd, { once: true });
    if (this.#token.signal.aborted) queueMicrotask(listener.onEnd);
    this.#endRings = request.workspace.engine.onRing(() => this.#rung.resolve());
  }

  close(): void {
    this.#over.abort();
    this.#endRings();
    this.#token.signal.removeEventListener("abort", this.#listener.onEnd);
    this.#token.close();
  }

  async run(): Promise<void> {
    const { signal } = this.#over;
    let known: ReadonlyMap<string, string> | null = null;
    while (!signal.aborted) {
      this.#rung = Promise.withResolvers();
      try {
        const now = await versions(this.#request);
        if (signal.aborted) return;
        tell(known, now, this.#listener);
        known = now;
      } catch (error) {
        this.#listener.onError("watching threads", error);
      }
      await sleep(restMs, undefined, { signal }).catch(() => undefined);
      const next = new AbortController();
      const tick = sleep(lookEveryMs, undefined, { signal: AbortSignal.any([signal, next.signal]) });
      await Promise.race([this.#rung.promise, tick.catch(() => undefined)]);
      next.abort();
    }
  }
}

/** What changed between the subscription and the first look is not known: then all of it counts as changed. */
function tell(
  before: ReadonlyMap<string, string> | null,
  now: ReadonlyMap<string, string>,
  listener: ThreadListener,
): void {
  if (before === null) {
    for (const id of now.keys()) listener.onChanged(threadUri(id));
    return;
  }
  const isSame = before.size === now.size && [...now.keys()].every((id) => before.has(id));
  if (!isSame) listener.onListChanged();
  for (const [id, version] of now) {
    const known = before.get(id);
    if (known !== undefined && known !== version) listener.onChanged(threadUri(id));
  }
}

/** By thread: what changes with it. */
async function versions(request: McpRequest): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  let cursor: string | null = null;
  for (let page = 0; page < mostPages; page++) {
    const answer = await listThreads(request, cursor);
    for (const { thread_id, head_seq, updated_at } of answer.threads) {
      found.set(thread_id, `${head_seq} ${updated_at}`);
    }
    cursor = answer.next_cursor;
    if (cursor === null) break;
  }
  return found;
}

async function listThreads(
  { caller, workspace, requestId }: McpRequest,
  cursor: string | null,
): Promise<{ threads: Row[]; next_cursor: string | null }> {
  const operation = getOperation("list_threads");
  if (operation === null) throw new Error("there is no operation list_threads");
  const input = { limit: 100, ...(cursor === null ? {} : { cursor }) };
  const answer = await runOperation({ operation, caller, workspace, input, requestId });
  return answer as { threads: Row[]; next_cursor: string | null };
}
