import type { ErrorCode } from "../../runtime/errors.ts";

export interface CallFailure {
  /** From the closed list, or one that only a newer node knows. */
  code: ErrorCode | (string & Record<never, never>);
  message: string;
  /** What the reader can do next. */
  nextStep: string | null;
  /** Whether the same call may succeed later. */
  retryable: boolean;
  details: Record<string, unknown>;
  /** HTTP status; null when there was no answer. */
  status: number | null;
  /** For the node's log; null when there was no answer. */
  requestId: string | null;
  /** How long the node asks to wait, or null. */
  retryAfterMs: number | null;
}

/** A call that did not succeed: refused, failed, or without an answer (`not_running`, `wait_timeout`). */
export class CallError extends Error implements CallFailure {
  override readonly name = "CallError";
  readonly code: CallFailure["code"];
  readonly nextStep: string | null;
  readonly retryable: boolean;
  readonly details: Record<string, unknown>;
  readonly status: number | null;
  readonly requestId: string | null;
  readonly retryAfterMs: number | null;

  constructor(failure: CallFailure, cause?: unknown) {
    super(failure.message, cause === undefined ? undefined : { cause });
    this.code = failure.code;
    this.nextStep = failure.nextStep;
    this.retryable = failure.retryable;
    this.details = failure.details;
    this.status = failure.status;
    this.requestId = failure.requestId;
    this.retryAfterMs = failure.retryAfterMs;
  }
}

export function isCallError(error: unknown, code?: CallFailure["code"]): error is CallError {
  return error instanceof CallError && (code === undefined || error.code === code);
}

/** What came instead of an answer; `body` is its JSON, or undefined when it is none. */
export function refusalOf(url: string, { status, headers }: Response, body: unknown): CallError {
  const retryAfterS = Number(headers.get("retry-after") ?? Number.NaN);
  const common = {
    status,
    requestId: headers.get("x-request-id"),
    retryAfterMs: Number.isFinite(retryAfterS) ? retryAfterS * 1_000 : null,
  };
  const problem = problemIn(body);
  if (problem !== null) return new CallError({ ...problem, ...common });
  return new CallError({
    ...common,
    code: "internal",
    message: `what answers at ${url} is no node of Rouse (HTTP ${status})`,
    nextStep: "Check the address.",
    // A proxy whose node is away answers so.
    retryable: [502, 503, 504].includes(status),
    details: {},
  });
}

export function unanswered(url: string, cause: unknown): CallError {
  const isLate = cause instanceof Error && cause.name === "TimeoutError";
  const why = cause instanceof Error && cause.cause instanceof Error ? ` (${cause.cause.message})` : "";
  const failure = isLate
    ? {
        code: "wait_timeout",
        message: `the node at ${url} did not answer in time`,
        nextStep: "See the node's log.",
      }
    : {
        code: "not_running",
        message: `no node answers at ${url}${why}`,
        nextStep: "Start it, or check the address.",
      };
  const none = { status: null, requestId: null, retryAfterMs: null, details: {} };
  return new CallError({ ...failure, ...none, retryable: true }, cause);
}

function problemIn(
  body: unknown,
): Pick<CallFailure, "code" | "message" | "nextStep" | "retryable" | "details"> | null {
  if (typeof body !== "object" || body === null || !("code" in body) || !("message" in body)) return null;
  const { code, message, next_step, retryable, details } = body as Record<string, unknown>;
  return {
    code: String(code),
    message: String(message),
    nextStep: typeof next_step === "string" ? next_step : null,
    retryable: retryable === true,
    details: typeof details === "object" && details !== null ? { ...details } : {},
  };
}
