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
      author_role: z.string(),
      kind: z.string(),
      body: z.string(),
      to: z.array(z.string()).nullable(),
      in_reply_to: z.int().nullable(),
    }),
  ),
  next_after_seq: z.int(),
  has_more: z.boolean(),
});

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
    await this.#call("heartbeat_session", { session_id: sessionId, resumable: true });
  }

  /** The whole thread, in order. */
  async readAll(threadId: string): Promise<ReadMessage[]> {
    const all: ReadMessage[] = [];
    for (let afterSeq = 0; ;) {
      const result = await this.#call("read_messages", { thread_id: threadId, after_seq: afterSeq });
      const { messages, next_after_seq, has_more } = page.parse(result);
      for (const { author_role: authorRole, in_reply_to: inReplyTo, ...rest } of messages) {
        all.push({ ...rest, authorRole, inReplyTo });
      }
      if (!has_more) return all;
      afterSeq = next_after_seq;
    }
  }

  async post(
    threadId: string,
    { kind, body, inReplyTo, to }: Post & { to: readonly string[] | null },
    idempotencyKey: string,
  ): Promise<void> {
    const direction = to === null ? {} : { to };
    const message = { kind, body, in_reply_to: inReplyTo, ...direction, idempotency_key: idempotencyKey };
    await this.#call("post_message", { thread_id: threadId, ...message });
  }

  async ack(threadId: string, seq: number): Promise<void> {
    await this.#call("ack_read", { thread_id: threadId, seq });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client.close();
  }

  async #call(name: string, args: Record<string, unknown>): Promise<unknown> {
    const result = await this.#client.callTool({ name, arguments: args });
    if (result.isError !== true) return result.structuredContent;
    const text = JSON.stringify(result.structuredContent ?? result.content);
    if (/\\?"retryable\\?":\s*true/.test(text)) throw new Error(`${name}: ${text}`);
    throw new ToolRefused(`${name}: ${text}`);
  }
}
