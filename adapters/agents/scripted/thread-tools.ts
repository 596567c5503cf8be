/** The thread tools as the scripted agent uses them: MCP over Streamable HTTP with its own token, like a real agent. */
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { z } from "zod";
import type { Post, ReadMessage } from "./roles.ts";

const page = z.object({
  messages: z.array(
    z.object({
      seq: z.int(),
      author: z.string(),
      authorRole: z.string(),
      kind: z.string(),
      body: z.string(),
      to: z.array(z.string()).nullable(),
      inReplyTo: z.int().nullable(),
    }),
  ),
});

const pageSize = 100;

/** The server understood and said no: trying again will not help. */
export class ToolRefused extends Error {
  override readonly name = "ToolRefused";
}

export class ThreadTools {
  readonly #client: Client;

  private constructor(client: Client) {
    this.#client = client;
  }

  static async connect(url: string, token: string): Promise<ThreadTools> {
    const client = new Client({ name: "rouse-scripted-agent", version: "1.0.0" });
    const transport = new StreamableHTTPClientTransport(new URL(url), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    });
    await client.connect(transport);
    return new ThreadTools(client);
  }

  async heartbeat(sessionId: string): Promise<void> {
    await this.#call("heartbeat_session", { sessionId, resumable: true });
  }

  /** The whole thread, in order. */
  async readAll(threadId: string): Promise<ReadMessage[]> {
    const all: ReadMessage[] = [];
    for (;;) {
      const afterSeq = all.at(-1)?.seq ?? 0;
      const { messages } = page.parse(
        await this.#call("read_messages", { threadId, afterSeq, limit: pageSize }),
      );
      all.push(...messages);
      if (messages.length < pageSize) return all;
    }
  }

  async post(threadId: string, post: Post, idempotencyKey: string): Promise<void> {
    await this.#call("post_message", { threadId, ...post, idempotencyKey });
  }

  async ack(threadId: string, seq: number): Promise<void> {
    await this.#call("ack_read", { threadId, seq, idempotencyKey: `ack.${threadId}.${seq}` });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }

  async #call(name: string, args: Record<string, unknown>): Promise<unknown> {
    const result = await this.#client.callTool({ name, arguments: args });
    if (result.isError !== true) return result.structuredContent;
    const text = JSON.stringify(result.content);
    if (text.includes('\\"retryable\\":true')) throw new Error(`${name}: ${text}`);
    throw new ToolRefused(`${name}: ${text}`);
  }
}
