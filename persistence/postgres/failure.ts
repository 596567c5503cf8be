import postgres from "postgres";

import { RouseError, isRouseError } from "../../runtime/errors.ts";

/** Codes of the client library and of the operating system that mean: there is no (longer a) connection. */
const connectionCodes = new Set([
  "CONNECTION_CLOSED",
  "CONNECTION_DESTROYED",
  "CONNECTION_ENDED",
  "CONNECT_TIMEOUT",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EPIPE",
  "ERR_STREAM_DESTROYED",
  "ERR_STREAM_WRITE_AFTER_END",
  "ETIMEDOUT",
]);

/** The node takes no writes (any more): it was demoted in a failover, and with it the whole pool. */
export const readOnlyState = "25006";

/**
 * 08 connection exceptions, 57P server shutting down, crashed or starting, 53300 too many connections, 25P03 and 25P04
 * timeouts that end the session. https://www.postgresql.org/docs/18/errcodes-appendix.html
 */
const endingStates = /^(?:08...|57P0[1-5]|53300|25P0[34]|25006)$/u;

/** The server cancelled the statement, because of statement_timeout or at a person's request. */
const cancelledState = "57014";

export type Verdict = "connectionEnds" | "cancelled" | "refused";

/** What an error of a statement says about its connection. */
export function verdictOn(error: unknown): Verdict {
  const code = codeOf(error);
  if (!(error instanceof postgres.PostgresError)) {
    return code !== null && connectionCodes.has(code) ? "connectionEnds" : "refused";
  }
  if (endingStates.test(error.code)) return "connectionEnds";
  return error.code === cancelledState ? "cancelled" : "refused";
}

/** A RouseError database_unavailable; `cause` itself when it is one already. */
export function unavailable(message: string, cause?: unknown): RouseError {
  if (isRouseError(cause)) return cause;
  const reason = codeOf(cause);
  const detail = cause instanceof Error && cause.message !== "" ? ` (${cause.message})` : "";
  return new RouseError("database_unavailable", `${message}${detail}`, {
    nextStep:
      "Check that the database runs (rouse status) and that DATABASE_URL is right, then repeat the call.",
    ...(reason === null ? {} : { details: { reason } }),
    cause,
  });
}

export function outcomeUnknown(cause: unknown): RouseError {
  return new RouseError(
    "commit_outcome_unknown",
    "The connection to the database ended before it told whether the change was committed.",
    { nextStep: "Read the state again before repeating the call: it may have taken effect.", cause },
  );
}

/** The SQLSTATE, errno or client code inside an error made by `unavailable`. */
export function reasonOf(error: unknown): unknown {
  return isRouseError(error, "database_unavailable") ? error.details["reason"] : undefined;
}

/** True for a database_unavailable of which the server itself said that it did nothing. */
export function wasRefused(error: unknown): boolean {
  const cause = isRouseError(error, "database_unavailable") ? error.cause : undefined;
  return cause instanceof postgres.PostgresError && cause.severity === "ERROR";
}

/** The statement was refused because an earlier one of its transaction had failed, perhaps one that nobody has waited for yet. */
export function saysAbortedOnly(error: unknown): boolean {
  return error instanceof postgres.PostgresError && error.code === "25P02";
}

function codeOf(error: unknown): string | null {
  return error instanceof Error && "code" in error ? String(error.code) : null;
}
