import { join } from "node:path";
import { pino, type DestinationStream, type Logger } from "pino";
import { errorBody, isRouseError } from "../../runtime/errors.ts";
import { LogFile, writesTo } from "../observability/log-file.ts";
import type { Redact } from "../observability/redaction.ts";
import { requestScope } from "../observability/request-scope.ts";
import { traceIdOf } from "../observability/trace-carrier.ts";
import { traceScope } from "../observability/trace-scope.ts";
import { logFileName } from "../node-messages.ts";

export interface LoggerOptions {
  level: string;
  base: Record<string, unknown>;
  redact: Redact;
  destination: DestinationStream;
}

/** JSON lines with the ids of the call they belong to; secrets never reach them. */
export function createLogger({ level, base, redact, destination }: LoggerOptions): Logger {
  return pino(
    {
      level,
      base,
      mixin: callIds,
      redact: {
        paths: ["token", "*.token", "authorization", "*.authorization", "password", "*.password"],
        censor: "***",
      },
      // Also what stands inside a message, for instance of the database.
      hooks: { streamWrite: redact },
    },
    destination,
  );
}

function callIds(): object {
  const scope = requestScope.getStore();
  const carrier = traceScope.getStore();
  if (scope === undefined && carrier === undefined) return {};
  return {
    ...(scope === undefined ? {} : { request_id: scope.requestId }),
    ...(scope?.agentId === undefined ? {} : { agent: scope.agentId }),
    ...(carrier === undefined ? {} : { trace_id: traceIdOf(carrier) }),
  };
}

const standardOutput = 1;

/** Standard output; where that is `<home>/node.log`, the file itself, so that it is put aside when it is full. */
export function logDestination(config: {
  home: string;
  logMaxBytes: number;
  logKept: number;
}): DestinationStream {
  const path = join(config.home, logFileName);
  if (!writesTo(standardOutput, path)) return pino.destination({ dest: standardOutput, sync: true });
  return new LogFile({ path, maxBytes: config.logMaxBytes, kept: config.logKept });
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
