import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { once } from "node:events";
import { promisify } from "node:util";
import { brotliDecompress, gunzip, zstdDecompress } from "node:zlib";
import { anthropic } from "./anthropic.ts";
import { chat } from "./chat.ts";
import {
  type Answer,
  type Conversation,
  type Dialect,
  isObject,
  type Json,
  type Line,
  type Refusal,
  searchTool,
} from "./conversation.ts";
import type { Utterance } from "./conversation.ts";
import { gemini } from "./gemini.ts";
import { responses } from "./responses.ts";
import { type Decision, decide, newestOf, type Rule, wakesIn } from "./script.ts";

/** One request of a program to its model, as it was received. */
export interface ModelRequest {
  /** The key that the program was given: one for each agent. */
  agent: string;
  /** Epoch ms. */
  at: number;
  dialect: Dialect["name"];
  sessionId: string | null;
  newest: Utterance;
  /** What persons and Rouse said in the whole conversation, in order. */
  userTexts: readonly string[];
  /** Titles and summaries that a program asks for beside the conversation: without tools. */
  isSide: boolean;
  state: "thinking" | "answered" | "refused" | "aborted";
}

/**
 * A model on loopback that does what it is told, for every dialect that the agents' programs speak. Each agent has its
 * own key, and so its own script and its own record.
 */
export class ModelServer {
  readonly #server: Server;
  readonly #scripts = new Map<string, readonly Rule[]>();
  readonly #requests: ModelRequest[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: unknown) => {
        if (!response.headersSent) response.writeHead(500);
        response.end(String(error));
      });
    });
    // Codex asks for a WebSocket first.
    this.#server.on("upgrade", (_request, socket) => {
      socket.end("HTTP/1.1 426 Upgrade Required\r\nConnection: close\r\n\r\n");
    });
  }

  static async open(): Promise<ModelServer> {
    const server = new ModelServer();
    server.#server.listen(0, "127.0.0.1");
    await once(server.#server, "listening");
    return server;
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the model server does not listen");
    return `http://127.0.0.1:${address.port}`;
  }

  /** What an agent's model does from now on; turns that run are not touched. */
  instruct(agent: string, rules: readonly Rule[]): void {
    this.#scripts.set(agent, rules);
  }

  requestsOf(agent: string): ModelRequest[] {
    return this.#requests.filter((request) => request.agent === agent && !request.isSide);
  }

  /**
   * How often each wake line stands in what an agent's model was told. Programs send the whole conversation each time,
   * so that a line which was submitted twice stands twice in a later request; another session counts anew.
   */
  wakesOf(agent: string): Map<string, number> {
    const bySession = new Map<string, number>();
    for (const { sessionId, userTexts } of this.requestsOf(agent)) {
      const counts = Map.groupBy(userTexts.flatMap(wakesIn), ({ wakeId }) => wakeId);
      for (const [wakeId, { length }] of counts) {
        const key = `${wakeId}\n${sessionId ?? ""}`;
        bySession.set(key, Math.max(bySession.get(key) ?? 0, length));
      }
    }
    const wakes = new Map<string, number>();
    for (const [key, count] of bySession) {
      const wakeId = key.split("\n")[0] ?? "";
      wakes.set(wakeId, (wakes.get(wakeId) ?? 0) + count);
    }
    return wakes;
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const receivedAt = Date.now();
    const path = new URL(request.url ?? "/", "http://model").pathname;
    const body = await readBody(request);
    const dialect = request.method === "POST" ? dialectOf(path) : null;
    if (dialect === null) return sendJson(response, ...besides(path, body));
    const conversation = dialect.read(body, headersOf(request));
    const record = this.#record({ agent: agentOf(request), receivedAt, dialect }, conversation);
    response.on("close", () => {
      if (!response.writableFinished) record.state = "aborted";
    });
    const model = typeof body["model"] === "string" ? body["model"] : "scripted";
    const isStream = dialect === gemini ? path.includes(":stream") : body["stream"] === true;
    const decision = this.#decide(record, conversation);
    // A turn that stays open has begun for the program; a refusal has a status instead.
    const isOpenEnded = decision instanceof Promise;
    if (isStream && isOpenEnded) writeLines(response, dialect.opening(model));
    const answer = inWordsOf(await decision, conversation);
    if (response.destroyed) return;
    record.state = "refuse" in answer ? "refused" : "answered";
    if ("refuse" in answer) return refuse(response, answer.refuse, dialect.name);
    if (!isStream) return sendJson(response, 200, dialect.whole(answer, model));
    if (!isOpenEnded) writeLines(response, dialect.opening(model));
    writeLines(response, dialect.stream(answer, model));
    response.end();
  }

  #record(
    { agent, receivedAt, dialect: { name } }: { agent: string; receivedAt: number; dialect: Dialect },
    conversation: Conversation,
  ): ModelRequest {
    const { utterances, tools, sessionId } = conversation;
    const record: ModelRequest = {
      ...{
        agent,
        at: receivedAt,
        sessionId,
        dialect: name,
        newest: newestOf(conversation),
        state: "thinking",
      },
      userTexts: utterances.filter(({ role }) => role === "user").map(({ text }) => text),
      isSide: tools.length === 0,
    };
    this.#requests.push(record);
    return record;
  }

  #decide(
    { agent, newest, isSide }: ModelRequest,
    { utterances }: Conversation,
  ): Decision | Promise<Decision> {
    if (isSide) return { say: "Title" };
    return decide(this.#scripts.get(agent) ?? [], { newest, utterances });
  }
}

const mostWaits = 30;

function dialectOf(path: string): Dialect | null {
  if (path.endsWith("/responses")) return responses;
  if (path.endsWith("/chat/completions")) return chat;
  if (path.endsWith("/messages")) return anthropic;
  return /:(?:streamG|g)enerateContent$/.test(path) ? gemini : null;
}

/** What programs ask for besides: lists of models, sizes. */
function besides(path: string, body: Json): [number, object] {
  const size = Math.ceil(JSON.stringify(body).length / 4);
  if (path.endsWith("/count_tokens")) return [200, { input_tokens: size }];
  if (path.endsWith(":countTokens")) return [200, { totalTokens: size }];
  if (!path.endsWith("/models")) return [404, { error: { type: "not_found_error", message: path } }];
  return [
    200,
    { object: "list", data: [{ id: "scripted", object: "model", type: "model" }], has_more: false },
  ];
}

function headersOf({ headers }: IncomingMessage): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, value?.toString()]));
}

function agentOf({ headers }: IncomingMessage): string {
  const key = headers.authorization ?? headers["x-api-key"] ?? headers["x-goog-api-key"] ?? "";
  return key.toString().replace(/^Bearer /i, "");
}

async function readBody(request: IncomingMessage): Promise<Json> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const bytes = await expand(Buffer.concat(chunks), request.headers["content-encoding"]);
  if (bytes.length === 0) return {};
  const body: unknown = JSON.parse(bytes.toString("utf8"));
  return isObject(body) ? body : {};
}

async function expand(bytes: Buffer, encoding: string | undefined): Promise<Buffer> {
  if (encoding === "zstd") return promisify(zstdDecompress)(bytes);
  if (encoding === "gzip") return promisify(gunzip)(bytes);
  return encoding === "br" ? promisify(brotliDecompress)(bytes) : bytes;
}

/**
 * A tool that is not there yet is looked for, as the program asks its model to; one that does not come is said in words,
 * so that a test's failure explains itself.
 */
function inWordsOf(decision: Decision, { tools, waits = 0 }: Conversation): Answer {
  if (!("call" in decision)) return decision;
  const name = decision.call;
  const tool =
    tools.find((each) => each.name === name) ?? tools.find((each) => each.name.endsWith(`_${name}`));
  if (tool !== undefined) return { call: tool, with: decision.with };
  const search = tools.find((each) => each.name === searchTool);
  if (search !== undefined && waits < mostWaits)
    return { call: search, with: { query: `select:mcp__rouse__${name}` } };
  return { say: `There is no tool ${name} among ${tools.map((each) => each.name).join(", ")}.` };
}

function writeLines(response: ServerResponse, lines: readonly Line[]): void {
  if (!response.headersSent) {
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.flushHeaders();
  }
  for (const { event, data } of lines) {
    const text = typeof data === "string" ? data : JSON.stringify(data);
    response.write(`${event === undefined ? "" : `event: ${event}\n`}data: ${text}\n\n`);
  }
}

/** After an opening no status can follow any more: the stream breaks off. */
function refuse(
  response: ServerResponse,
  { status, headers = {}, body, bodies = {} }: Refusal,
  dialect: string,
): void {
  if (response.headersSent) return void response.destroy();
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(bodies[dialect] ?? body));
}

function sendJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}
