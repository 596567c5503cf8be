import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import { CallToolRequestSchema } from "@modelcontextprotocol/sdk/types.js";

interface Row {
  seq: number;
  author: string;
  author_role: string;
  kind: string;
  body: string;
  to: null;
  in_reply_to: number | null;
}

/** One thread behind the thread tools, in memory: just what the scripted agent talks to. */
export class ThreadServer {
  readonly messages: Row[] = [];
  readonly heartbeats: string[] = [];
  ackedSeq = 0;
  /** Authorization headers seen. */
  readonly tokens = new Set<string>();
  url = "";
  readonly #http = createServer((request, response) => {
    this.tokens.add(request.headers.authorization ?? "");
    if (request.method !== "POST") {
      response.writeHead(405).end();
      return;
    }
    void this.#answer(request, response);
  });
  readonly #keys = new Map<string, Row>();

  async start(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#http.listen(0, "127.0.0.1", resolve);
    });
    this.url = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/mcp`;
  }

  async stop(): Promise<void> {
    this.#http.closeAllConnections();
    await new Promise((resolve) => {
      this.#http.close(resolve);
    });
  }

  say(author: string, body: string): void {
    this.#append({
      author,
      author_role: author === "op" ? "operator" : "participant",
      kind: "message",
      body,
    });
  }

  #append(row: Pick<Row, "author" | "author_role" | "kind" | "body"> & { in_reply_to?: number }): Row {
    const whole = { in_reply_to: null, ...row, to: null, seq: this.messages.length + 1 };
    this.messages.push(whole);
    return whole;
  }

  async #answer(
    request: Parameters<StreamableHTTPServerTransport["handleRequest"]>[0],
    response: Parameters<StreamableHTTPServerTransport["handleRequest"]>[1],
  ): Promise<void> {
    const server = new Server({ name: "test", version: "1" }, { capabilities: { tools: {} } });
    server.setRequestHandler(CallToolRequestSchema, ({ params }) => {
      const structuredContent = this.#call(params.name, params.arguments ?? {});
      return { content: [], structuredContent };
    });
    const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
    await server.connect(transport);
    await transport.handleRequest(request, response);
  }

  #call(name: string, args: Record<string, unknown>): Record<string, unknown> {
    switch (name) {
      case "heartbeat_session":
        this.heartbeats.push(String(args["session_id"]));
        return {};
      case "read_messages":
        return { messages: this.messages, next_after_seq: this.messages.length, has_more: false };
      case "ack_read":
        this.ackedSeq = Number(args["seq"]);
        return {};
      case "post_message":
        return this.#post(args);
      default:
        throw new Error(`no tool ${name}`);
    }
  }

  #post({ idempotency_key: key, kind, body, in_reply_to: inReplyTo }: Record<string, unknown>): {
    seq: number;
  } {
    const known = this.#keys.get(String(key));
    if (known !== undefined) return { seq: known.seq };
    const row = this.#append({
      author: "agent",
      author_role: "participant",
      kind: String(kind),
      body: String(body),
      in_reply_to: Number(inReplyTo),
    });
    this.#keys.set(String(key), row);
    return { seq: row.seq };
  }
}
