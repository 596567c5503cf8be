import { pino, type Logger } from "pino";
import { errorBody, isRouseError } from "../../runtime/errors.ts";

/** JSON lines on standard output; secrets never reach it. */
export function createLogger(level: string, base: Record<string, unknown>): Logger {
  return pino({
    level,
    base,
    redact: {
      paths: ["token", "*.token", "authorization", "*.authorization", "password", "*.password"],
      censor: "***",
    },
  });
}

/** Passing troubles are warnings; what nobody foresaw is an error with its stack. */
export function logFailure(logger: Logger, context: string, error: unknown): void {
  if (isRouseError(error)) {
    const level = error.retryable ? "warn" : "error";
    logger[level]({ context, error: errorBody(error), cause: causeOf(error) }, error.message);
    return;
  }
  logger.error({ context, err: error }, "unexpected failure");
}

function causeOf({ cause }: Error): string | undefined {
  return cause instanceof Error ? cause.message : undefined;
}
