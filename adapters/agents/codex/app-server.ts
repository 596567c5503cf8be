import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { createInterface } from "node:readline";
import { z } from "zod";
import { systemClock } from "../../../runtime/clock.ts";
import { parseJson } from "./parse-json.ts";

/** Codex answered, and said no: what was asked for was not done. */
export class CodexRefusal extends Error {}

export type CallCodex = (method: string, params: object) => Promise<unknown>;

const message = z.looseObject({
  id: z.number().optional(),
  result: z.unknown().optional(),
  error: z.looseObject({ message: z.string() }).optional(),
});

const endsWithinMs = 2_000;

/**
 * Talks to an app-server of our own, which shares its state with the living program by the files of one CODEX_HOME. It
 * ends with `work`. Throws `CodexRefusal`, and any other error when the connection broke.
 */
export async function withAppServer<Result>(
  command: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
  signal: AbortSignal,
  work: (call: CallCodex) => Promise<Result>,
): Promise<Result> {
  const [file, ...args] = command;
  const child = spawn(file, [...args, "app-server"], { env, cwd: "/", stdio: "pipe", signal });
  child.stderr.resume();
  const link = new Link(child);
  try {
    const clientInfo = { name: "rouse", title: "Rouse", version: "1" };
    await link.call("initialize", { clientInfo, capabilities: { experimentalApi: true } });
    link.send({ method: "initialized" });
    return await work((method, params) => link.call(method, params));
  } finally {
    child.stdin.end();
    const cancel = systemClock.after(endsWithinMs, () => child.kill("SIGKILL"));
    child.once("close", cancel);
  }
}

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

class Link {
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #waiting = new Map<number, Waiting>();
  #broken: Error | null = null;
  #lastId = 0;

  constructor(child: ChildProcessWithoutNullStreams) {
    this.#child = child;
    const breaks = (error: Error): void => this.#break(error);
    child.on("error", breaks);
    child.stdin.on("error", breaks);
    child.on("close", (code) => this.#break(new Error(`codex app-server ended with ${code}`)));
    createInterface({ input: child.stdout }).on("line", (line) => this.#hear(line));
  }

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
    this.#child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", ...content })}\n`);
  }

  #hear(line: string): void {
    const parsed = message.safeParse(parseJson(line));
    if (!parsed.success || parsed.data.id === undefined) return;
    const { id, result, error } = parsed.data;
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve(result);
    else waiting?.reject(new CodexRefusal(error.message));
  }

  #break(error: Error): void {
    this.#broken = error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}
