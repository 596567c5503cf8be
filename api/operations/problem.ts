import { errorCodes, isRouseError, type ErrorCode } from "../../runtime/errors.ts";
import { schemaVersion } from "./operation.ts";

/** A failure as every surface shows it. */
export interface Problem {
  schema_version: typeof schemaVersion;
  code: ErrorCode;
  message: string;
  next_step: string;
  retryable: boolean;
  details: Record<string, unknown>;
  request_id: string;
}

const repeatLater = "Repeat the call in a moment, with the same idempotency key if it changes something.";

/** Our own failures say nothing about the inside: the log has it, under the request id. */
export function problemOf(error: unknown, requestId: string): Problem {
  if (!isRouseError(error)) {
    const message = "something failed inside";
    return problem("internal", { message, next_step: `See the log at request ${requestId}.` }, requestId);
  }
  const { code, message, nextStep, details } = error;
  const next_step =
    nextStep ??
    (error.retryable ? repeatLater : `Correct the call; ${code} is described in the operations guide.`);
  return problem(code, { message, next_step, details }, requestId);
}

export function statusOf(problemFound: Problem): number {
  return errorCodes[problemFound.code].status;
}

function problem(
  code: ErrorCode,
  text: { message: string; next_step: string; details?: Record<string, unknown> },
  requestId: string,
): Problem {
  return {
    schema_version: schemaVersion,
    code,
    details: {},
    ...text,
    retryable: errorCodes[code].retryable,
    request_id: requestId,
  };
}
