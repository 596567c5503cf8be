import { RouseError } from "../../runtime/errors.ts";
import { startStep, type Connection } from "./connection.ts";
import { RefusedByNode, type Failure } from "./failure.ts";
import { routes, type OperationName } from "./routes.ts";

const deadlineMs = 30_000;

export interface OperationRequest {
  name: OperationName;
  /** By the operation's field names; undefined fields are left out. */
  input: Record<string, unknown>;
  /** Sent with operations that change something. */
  idempotencyKey: string;
}

/** The operation's answer as JSON. Throws `RefusedByNode`, `not_running`. */
export async function requestOperation(connection: Connection, request: OperationRequest): Promise<unknown> {
  const [method, template] = routes[request.name];
  const rest = { ...request.input };
  const path = template.replaceAll(/:(\w+)/g, (_, field: string) => {
    const value = String(rest[field]);
    delete rest[field];
    return encodeURIComponent(value);
  });
  const headers: Record<string, string> = { authorization: `Bearer ${connection.token}` };
  if (method === "GET") return send(connection, `${path}${query(rest)}`, { method, headers });
  headers["content-type"] = "application/json";
  headers["idempotency-key"] = request.idempotencyKey;
  return send(connection, path, { method, headers, body: JSON.stringify(rest) });
}

/** Whether the node reaches its database. */
export async function requestReadiness(connection: Connection): Promise<"ready" | "unavailable"> {
  try {
    await send(connection, "/ready", { method: "GET" });
    return "ready";
  } catch (error) {
    if (error instanceof RefusedByNode) return "unavailable";
    throw error;
  }
}

function query(fields: Record<string, unknown>): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    parameters.set(name, typeof value === "string" ? value : JSON.stringify(value));
  }
  return parameters.size === 0 ? "" : `?${parameters.toString()}`;
}

async function send({ url }: Connection, path: string, init: RequestInit): Promise<unknown> {
  let response: Response;
  let text: string;
  try {
    response = await fetch(`${url}${path}`, { ...init, signal: AbortSignal.timeout(deadlineMs) });
    text = await response.text();
  } catch (error) {
    throw unreachable(url, error);
  }
  const body = parsed(text);
  if (response.ok && body !== undefined) return body;
  throw new RefusedByNode(problemOf(body, { url, status: response.status }), response.status);
}

function unreachable(url: string, cause: unknown): RouseError {
  if (cause instanceof Error && cause.name === "TimeoutError") {
    return new RouseError(
      "effect_timeout",
      `the node at ${url} did not answer within ${deadlineMs / 1_000} s`,
      {
        nextStep: "See rouse status and the node's log, then repeat the command.",
        cause,
      },
    );
  }
  const reason = cause instanceof Error && cause.cause instanceof Error ? ` (${cause.cause.message})` : "";
  return new RouseError("not_running", `no node answers at ${url}${reason}`, { nextStep: startStep, cause });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function problemOf(body: unknown, { url, status }: { url: string; status: number }): Failure {
  if (typeof body === "object" && body !== null && "code" in body && "message" in body) {
    const { code, message, next_step, retryable, details } = body as Partial<Failure>;
    return {
      code: String(code),
      message: String(message),
      next_step: typeof next_step === "string" ? next_step : null,
      retryable: retryable === true,
      details: typeof details === "object" && details !== null ? details : {},
    };
  }
  return {
    code: "internal",
    message: `what answers at ${url} is no node of Rouse (HTTP ${status})`,
    next_step: "Check the address.",
    retryable: false,
    details: {},
  };
}
