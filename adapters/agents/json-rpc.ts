import { z } from "zod";

/** The other side answered, and said no. */
export class RpcRefusal extends Error {
  readonly code: number;
  readonly data: unknown;

  constructor({ code, message, data }: { code: number; message: string; data?: unknown }) {
    super(message);
    this.code = code;
    this.data = data;
  }
}

/** What the other side may ask of us. Without `onRequest` its requests are left to others that it is connected with. */
export interface RpcHandlers {
  /** Its result is the answer; a thrown `RpcRefusal` is ours. */
  onRequest?(method: string, params: unknown): Promise<unknown>;
  onNotification?(method: string, params: unknown): void;
}

const methodNotFound = -32_601;
const internalError = -32_603;

const message = z.looseObject({
  id: z.union([z.number(), z.string()]).nullish(),
  method: z.string().optional(),
  params: z.unknown().optional(),
  result: z.unknown().optional(),
  error: z.looseObject({ code: z.number().default(internalError), message: z.string() }).optional(),
});

interface Waiting {
  resolve: (result: unknown) => void;
  reject: (error: Error) => void;
}

/** JSON-RPC with another program, whichever way the messages go. What is no message is passed over. */
export class JsonRpcLink {
  readonly #send: (message: object) => void;
  readonly #handlers: RpcHandlers;
  readonly #waiting = new Map<number, Waiting>();
  #broken: Error | null = null;
  #lastId = 0;

  constructor(send: (message: object) => void, handlers: RpcHandlers = {}) {
    this.#send = send;
    this.#handlers = handlers;
  }

  /** Rejects with `RpcRefusal`, or with any other error when the connection broke. */
  call(method: string, params: object): Promise<unknown> {
    if (this.#broken !== null) return Promise.reject(this.#broken);
    this.#lastId += 1;
    const id = this.#lastId;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#send({ id, method, params });
    });
  }

  notify(method: string, params?: object): void {
    this.#send(params === undefined ? { method } : { method, params });
  }

  /** A message of the other side, parsed. */
  hear(content: unknown): void {
    const parsed = message.safeParse(content);
    if (!parsed.success) return;
    const { id = null, method, params, result, error } = parsed.data;
    if (method !== undefined && id !== null) return void this.#answer(id, method, params);
    if (method !== undefined) return this.#handlers.onNotification?.(method, params);
    const waiting = typeof id === "number" ? this.#waiting.get(id) : undefined;
    if (waiting === undefined || typeof id !== "number") return;
    this.#waiting.delete(id);
    if (error === undefined) waiting.resolve(result);
    else waiting.reject(new RpcRefusal({ ...error, data: error["data"] }));
  }

  /** The connection broke: whoever waits, and whoever calls from now on, is told so. */
  end(error: Error): void {
    this.#broken ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }

  async #answer(id: number | string, method: string, params: unknown): Promise<void> {
    if (this.#handlers.onRequest === undefined) return;
    try {
      this.#send({ id, result: await this.#handlers.onRequest(method, params) });
    } catch (error) {
      const { code, message: text } =
        error instanceof RpcRefusal ? error : { code: internalError, message: "internal error" };
      this.#send({ id, error: { code, message: text } });
    }
  }
}

export function unknownMethod(method: string): RpcRefusal {
  return new RpcRefusal({ code: methodNotFound, message: `${method} is not offered` });
}
