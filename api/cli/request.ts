import { RouseError } from "../../runtime/errors.ts";
import { isCallError, type CallError } from "../client/call-error.ts";
import { followEvents, type EventOptions } from "../client/follow-events.ts";
import { getPlain, sendCall } from "../client/send.ts";
import type { RouseEvent } from "../client/types.ts";
import { startStep, type Connection } from "./connection.ts";
import { RefusedByNode } from "./failure.ts";
import type { OperationName } from "./routes.ts";

const timeoutMs = 30_000;

export interface OperationRequest {
  name: OperationName;
  /** By the operation's field names; undefined fields are left out. */
  input: Record<string, unknown>;
  /** Sent with operations that change something. */
  idempotencyKey: string;
}

/** The operation's answer as JSON. A person sees a failure at once and decides. Throws `RefusedByNode`, `not_running`. */
export async function requestOperation(connection: Connection, request: OperationRequest): Promise<unknown> {
  const { name, input, idempotencyKey } = request;
  try {
    return await sendCall(connection, name, input, { idempotencyKey, timeoutMs, attempts: 1 });
  } catch (error) {
    throw asFailure(connection, error);
  }
}

/** Events as they happen. Throws as `requestOperation`. */
export async function* requestEvents(
  connection: Connection,
  options: EventOptions,
): AsyncGenerator<RouseEvent, void> {
  try {
    yield* followEvents(connection, options);
  } catch (error) {
    throw asFailure(connection, error);
  }
}

/** Whether the node reaches its database. */
export async function requestReadiness(connection: Connection): Promise<"ready" | "unavailable"> {
  try {
    await getPlain(connection.url, "/ready", { timeoutMs });
    return "ready";
  } catch (error) {
    const failure = asFailure(connection, error);
    if (failure instanceof RefusedByNode) return "unavailable";
    throw failure;
  }
}

function asFailure({ url }: Connection, error: unknown): unknown {
  if (!isCallError(error)) return error;
  if (error.status === null) return unreachable(url, error);
  const { code, message, nextStep: next_step, retryable, details } = error;
  return new RefusedByNode({ code, message, next_step, retryable, details }, error.status);
}

function unreachable(url: string, error: CallError): RouseError {
  const { cause } = error;
  if (error.code === "wait_timeout") {
    return new RouseError(
      "effect_timeout",
      `the node at ${url} did not answer within ${timeoutMs / 1_000} s`,
      {
        nextStep: "See rouse status and the node's log, then repeat the command.",
        cause,
      },
    );
  }
  return new RouseError("not_running", error.message, { nextStep: startStep, cause });
}
