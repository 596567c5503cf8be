import { setTimeout as sleep } from "node:timers/promises";
import { eventData } from "./event-stream.ts";
import { parseMessage, routingHeaders, type Message } from "./message.ts";
import { LinkFailure, type NodeLink } from "./node-link.ts";

const revision = "2026-07-28";
const reopenAfterMs = 500;

/**
 * Push for clients of the earlier era: they subscribe to single resources over a connection that lasts, which only this
 * proxy has. It listens to the node as a client of the later era, and tells on what it hears.
 */
export class Subscriptions {
  readonly #link: NodeLink;
  readonly #tell: (message: Message) => void;
  readonly #uris = new Set<string>();
  readonly #over: AbortSignal;
  #listening: AbortController | null = null;

  constructor(link: NodeLink, tell: (message: Message) => void, over: AbortSignal) {
    this.#link = link;
    this.#tell = tell;
    this.#over = over;
  }

  add(uri: string): void {
    if (this.#uris.has(uri)) return;
    this.#uris.add(uri);
    this.#restart();
  }

  remove(uri: string): void {
    if (this.#uris.delete(uri)) this.#restart();
  }

  #restart(): void {
    this.#listening?.abort();
    this.#listening = null;
    if (this.#uris.size === 0) return;
    const listening = new AbortController();
    this.#listening = listening;
    void this.#listen(AbortSignal.any([this.#over, listening.signal]));
  }

  async #listen(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.#listenOnce(signal);
      } catch (error) {
        // A node that is away comes back; one that refuses us will go on doing so.
        if (error instanceof LinkFailure && !error.failure.retryable) return;
      }
      await sleep(reopenAfterMs, undefined, { signal }).catch(() => undefined);
    }
  }

  /** The node tells of each subscribed resource when a stream begins: what happened while none was open is not lost. */
  async #listenOnce(signal: AbortSignal): Promise<void> {
    const message = listenMessage([...this.#uris]);
    const body = JSON.stringify(message);
    const response = await this.#link.post({ body, headers: routingHeaders(message, null), signal });
    if (!response.ok || response.body === null) return;
    for await (const data of eventData(response.body)) {
      const told = parseMessage(data);
      if (told?.method === "notifications/resources/updated") {
        this.#tell({ jsonrpc: "2.0", method: told.method, params: { uri: told.params?.["uri"] } });
      } else if (told?.method === "notifications/resources/list_changed") {
        this.#tell({ jsonrpc: "2.0", method: told.method });
      }
    }
  }
}

function listenMessage(uris: readonly string[]): Message {
  const prefix = "io.modelcontextprotocol";
  return {
    jsonrpc: "2.0",
    id: "rouse-mcp",
    method: "subscriptions/listen",
    params: {
      notifications: { resourcesListChanged: true, resourceSubscriptions: uris },
      _meta: {
        [`${prefix}/protocolVersion`]: revision,
        [`${prefix}/clientInfo`]: { name: "rouse-mcp", version: "1" },
        [`${prefix}/clientCapabilities`]: {},
      },
    },
  };
}
