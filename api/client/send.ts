import { isCallError, refusalOf, unanswered } from "./call-error.ts";
import { isAborted, pause, waitBefore } from "./patience.ts";
import { routes } from "./routes.ts";
import type { CallOptions, OperationName } from "./types.ts";

/** Where a node is reached, and as whom. */
export interface Connection {
  /** For instance `http://127.0.0.1:7717`. */
  url: string;
  /** A function is asked before each try: whoever refreshes its token gives the present one. */
  token: string | (() => string | Promise<string>);
}

export interface SendOptions extends CallOptions {
  /** For one try. */
  timeoutMs: number;
}

/** One call of an operation, tried again while that is safe and may help. Throws `CallError`. */
export async function sendCall(
  connection: Connection,
  name: OperationName,
  input: Readonly<Record<string, unknown>>,
  options: SendOptions,
): Promise<unknown> {
  const { attempts = 4, signal } = options;
  // One key for all tries: an answer that was lost is looked up, not made twice.
  const key = options.idempotencyKey ?? crypto.randomUUID();
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await sendOnce(connection, requestOf(name, input, key), options);
    } catch (error) {
      const mayRepeat = isCallError(error) && error.retryable && attempt < attempts;
      if (!mayRepeat || isAborted(signal)) throw error;
      await pause(waitBefore(attempt, error.retryAfterMs), signal);
      if (isAborted(signal)) throw error;
    }
  }
}

interface PlainRequest {
  path: string;
  init: { method: string; headers: Record<string, string>; body?: string };
}

/** Path, query, body and headers of a call. */
function requestOf(name: OperationName, input: Readonly<Record<string, unknown>>, key: string): PlainRequest {
  const [method, template] = routes[name];
  const rest = { ...input };
  const path = template.replaceAll(/:(\w+)/g, (_, field: string) => {
    const value = String(rest[field]);
    delete rest[field];
    return encodeURIComponent(value);
  });
  if (method === "GET") return { path: `${path}${query(rest)}`, init: { method, headers: {} } };
  const headers = { "content-type": "application/json", "idempotency-key": key };
  return { path, init: { method, headers, body: JSON.stringify(rest) } };
}

export function query(fields: Readonly<Record<string, unknown>>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    parameters.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  return parameters.size === 0 ? "" : `?${parameters.toString()}`;
}

async function sendOnce(
  { url, token }: Connection,
  { path, init }: PlainRequest,
  options: Limits,
): Promise<unknown> {
  const headers = { ...init.headers, authorization: `Bearer ${await tokenOf(token)}` };
  return exchange(url, path, { ...init, headers }, options);
}

/** What needs no token. Throws `CallError`. */
export function getPlain(url: string, path: string, limits: Limits): Promise<unknown> {
  return exchange(url, path, { method: "GET", headers: {} }, limits);
}

type Limits = Pick<SendOptions, "timeoutMs" | "signal">;

async function exchange(
  url: string,
  path: string,
  init: PlainRequest["init"],
  { timeoutMs, signal }: Limits,
): Promise<unknown> {
  const late = AbortSignal.timeout(timeoutMs);
  const either = signal === undefined ? late : AbortSignal.any([signal, late]);
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${url}${path}`, { ...init, signal: either });
    text = await response.text();
  } catch (error) {
    throw isAborted(signal) ? error : unanswered(url, error);
  }
  const body = parsedJson(text);
  if (response.ok && body !== undefined) return body;
  throw refusalOf(url, response, body);
}

export function parsedJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

export async function tokenOf(token: Connection["token"]): Promise<string> {
  return typeof token === "string" ? token : token();
}
