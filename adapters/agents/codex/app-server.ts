import { z } from "zod";
import { parseJson } from "./parse-json.ts";
import { openTextSocket, type TextSocket } from "./web-socket.ts";

/** Codex answered, and said no: what was asked for was not done. */
export class CodexRefusal extends Error {}

export type CallCodex = (method: string, params: object) => Promise<unknown>;

const message = z.looseObject({
  id: z.number().optional(),
  /** Only what Codex asks of us has one beside its id. */
  method: z.string().optional(),
  result: z.unknown().optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});

/**
 * Talks to the app-server at `socketPath`, of which an agent's terminal shows a session. The connection ends with `work`.
 * Throws `CodexRefusal`, and any other error when nobody answers there or the connection broke.
 */
export async function withAppServer<Result>(
  socketPath: string,
  signal: AbortSignal,
  work: (call: CallCodex) => Promise<Result>,
): Promise<Result> {
  const link = new Link();
  const socket = await openTextSocket(socketPath, link, signal);
  link.socket = socket;
  try {
    const clientInfo = { name: "rouse", title: "Rouse", version: "1" };
    await link.call("initialize", { clientInfo, capabilities: { experimentalApi: true } });
    link.send({ method: "initialized" });
    return await work((method, params) => link.call(method, params));
  } finally {
    socket.close();
  }
}

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

class Link {
  socket: TextSocket | null = null;
  readonly #waiting = new Map<number, Waiting>();
  #broken: Error | null = null;
  #lastId = 0;

  call(method: string, params: object): Promise<unknown> {
    if (this.#broken !== null) return Promise.reject(this.#broken);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.send({ id, method, params });
    });
  }

  send(content: object): void {
    this.socket?.send(JSON.stringify(content));
  }

  readonly onText = (text: string): void => {
    const parsed = message.safeParse(parseJson(text));
    if (!parsed.success || parsed.data.id === undefined || parsed.data.method !== undefined) return;
    const { id, result, error } = parsed.data;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new CodexRefusal(error.message));
  };

  readonly onEnd = (cause: Error): void => {
    this.#broken = new Error("Codex's app-server does not answer any more", { cause });
    for (const { reject } of this.#waiting.values()) reject(this.#broken);
    this.#waiting.clear();
  };
}
