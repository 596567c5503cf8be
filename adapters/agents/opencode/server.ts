import { z } from "zod";
import { findServer } from "./server-process.ts";

const answersWithinMs = 10_000;

/** The program answered, and said no: what was asked for was not done. */
export class OpencodeRefusal extends Error {
  readonly status: number;

  constructor(status: number, what: string) {
    super(`${what}: ${status}`);
    this.status = status;
  }
}

const statuses = z.record(
  z.string(),
  z.discriminatedUnion("type", [
    z.looseObject({ type: z.literal("idle") }),
    z.looseObject({ type: z.literal("busy") }),
    /** `next`: epoch ms. */
    z.looseObject({ type: z.literal("retry"), message: z.string(), next: z.number() }),
  ]),
);
export type SessionStatus = z.infer<typeof statuses>[string];

const session = z.looseObject({
  id: z.string(),
  parentID: z.string().optional(),
  agent: z.string().optional(),
  model: z.looseObject({ id: z.string(), providerID: z.string(), variant: z.string().optional() }).optional(),
});
export type SessionInfo = z.infer<typeof session>;

const message = z.looseObject({ info: z.looseObject({ time: z.looseObject({ created: z.number() }) }) });
const waiting = z.array(z.looseObject({ sessionID: z.string() }));
const event = z.looseObject({ type: z.string(), properties: z.record(z.string(), z.unknown()) });
export type OpencodeEvent = z.infer<typeof event>;

/** The HTTP server within a living program. Every call throws `OpencodeRefusal`, or another error when it is out of reach. */
export class OpencodeServer {
  readonly #url: string;
  readonly #authorization: string;

  constructor({ url, password }: { url: string; password: string }) {
    this.#url = url;
    this.#authorization = `Basic ${Buffer.from(`opencode:${password}`).toString("base64")}`;
  }

  /** The one of the program, or of what it runs; null while there is none. */
  static of(pid: number): OpencodeServer | null {
    const address = findServer(pid);
    return address === null ? null : new OpencodeServer(address);
  }

  async statuses(signal: AbortSignal): Promise<SessionStatus[]> {
    return Object.values(statuses.parse(await this.#get("/session/status", signal)));
  }

  /** Whether a person is asked to allow something, or to answer a question. */
  async isAsking(signal: AbortSignal): Promise<boolean> {
    const asked = await Promise.all(["/permission", "/question"].map((path) => this.#get(path, signal)));
    return asked.some((list) => waiting.parse(list).length > 0);
  }

  /** Null when it does not know it. */
  async findSession(sessionId: string, signal: AbortSignal): Promise<SessionInfo | null> {
    return this.#get(`/session/${sessionId}`, signal).then((body) => session.parse(body), orWhenUnknown);
  }

  /** Newest first, without sub-agents. */
  async newestSessions(signal: AbortSignal): Promise<SessionInfo[]> {
    const found = z.array(session).parse(await this.#get("/session?roots=true&limit=8", signal));
    return found.filter(({ parentID }) => parentID === undefined).slice(0, 8);
  }

  async createSession(signal: AbortSignal): Promise<SessionInfo> {
    return session.parse(await (await this.#call("POST", "/session", signal, {})).json());
  }

  /** Shows a session on the screen; what stands in the input box stays. */
  async showSession(sessionId: string, signal: AbortSignal): Promise<void> {
    await this.#call("POST", "/tui/select-session", signal, { sessionID: sessionId });
  }

  /** Epoch ms at which the message was handed in last; null when the session does not have it. */
  async findMessage(sessionId: string, messageId: string, signal: AbortSignal): Promise<number | null> {
    const found = this.#get(`/session/${sessionId}/message/${messageId}`, signal);
    return found.then((body) => message.parse(body).info.time.created, orWhenUnknown);
  }

  /** Taken in with the answer; the turn follows. */
  async prompt(sessionId: string, message: object, signal: AbortSignal): Promise<void> {
    await this.#call("POST", `/session/${sessionId}/prompt_async`, signal, message);
  }

  /** Everything that happens in the program, until the connection ends. */
  async *events(signal: AbortSignal): AsyncGenerator<OpencodeEvent> {
    const response = await this.#fetch("GET", "/event", signal);
    let rest = "";
    for await (const chunk of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
      const blocks = (rest + chunk).split("\n\n");
      rest = blocks.pop() ?? "";
      yield* blocks.flatMap(readEvent);
    }
  }

  async #get(path: string, signal: AbortSignal): Promise<unknown> {
    return (await this.#call("GET", path, signal)).json();
  }

  #call(method: string, path: string, signal: AbortSignal, body?: object): Promise<Response> {
    return this.#fetch(method, path, AbortSignal.any([signal, AbortSignal.timeout(answersWithinMs)]), body);
  }

  async #fetch(method: string, path: string, signal: AbortSignal, body?: object): Promise<Response> {
    const headers = { authorization: this.#authorization, "content-type": "application/json" };
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${this.#url}${path}`, { method, headers, signal, ...content });
    if (response.ok) return response;
    await response.body?.cancel();
    throw new OpencodeRefusal(response.status, `${method} ${path}`);
  }
}

function orWhenUnknown(error: unknown): null {
  if (error instanceof OpencodeRefusal && (error.status === 404 || error.status === 400)) return null;
  throw error;
}

function readEvent(block: string): OpencodeEvent[] {
  const line = block.split("\n").find((each) => each.startsWith("data:"));
  if (line === undefined) return [];
  try {
    return [event.parse(JSON.parse(line.slice("data:".length)))];
  } catch {
    return [];
  }
}
