import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";

/** A span as it came over the wire. */
export interface ReceivedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  name: string;
  attributes: Record<string, unknown>;
  /** `service.instance.id` of who sent it. */
  node: string;
  startedAt: number;
  endedAt: number;
}

interface Wire {
  resourceSpans: {
    resource: { attributes: Attribute[] };
    scopeSpans: { spans: WireSpan[] }[];
  }[];
}
interface Attribute {
  key: string;
  value: { stringValue?: string; intValue?: string | number };
}
interface WireSpan extends Pick<ReceivedSpan, "traceId" | "spanId" | "parentSpanId" | "name"> {
  attributes: Attribute[];
  startTimeUnixNano: string;
  endTimeUnixNano: string;
}

/** An OTLP collector over real HTTP that keeps what it gets. */
export class Collector {
  readonly spans: ReceivedSpan[] = [];
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async open(): Promise<Collector> {
    const server = createServer();
    const collector = new Collector(server);
    server.on("request", (request, response) => {
      const taken = json(request).then((body) =>
        request.url === "/v1/traces" ? collector.#take(body as Wire) : undefined,
      );
      void taken.finally(() => response.setHeader("content-type", "application/json").end("{}"));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return collector;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Oldest first. */
  trace(traceId: string): ReceivedSpan[] {
    return this.spans
      .filter((span) => span.traceId === traceId)
      .toSorted((a, b) => a.startedAt - b.startedAt);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #take({ resourceSpans }: Wire): void {
    for (const { resource, scopeSpans } of resourceSpans) {
      const node = String(valuesOf(resource.attributes)["service.instance.id"]);
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        const { traceId, spanId, parentSpanId, name, attributes, startTimeUnixNano, endTimeUnixNano } = span;
        this.spans.push({
          ...{ traceId, spanId, name, node, attributes: valuesOf(attributes) },
          ...(parentSpanId === undefined ? {} : { parentSpanId }),
          startedAt: Number(startTimeUnixNano) / 1e6,
          endedAt: Number(endTimeUnixNano) / 1e6,
        });
      }
    }
  }
}

function valuesOf(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
