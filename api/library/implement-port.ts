import type { Port } from "../../machines/port.ts";
import { isRouseError, RouseError } from "../../runtime/errors.ts";
import {
  implementPort as implement,
  type AnyPortImplementation,
  type PortCall as EngineCall,
} from "../../runtime/ports.ts";

/** What an implementation is given. */
export type PortCall<Input> = Pick<
  EngineCall<Input>,
  "input" | "address" | "key" | "attempt" | "signal" | "markStarted" | "report"
>;

/**
 * The body of a port. Whatever it throws is tried again within the port's policy, except a `refusal()`, which goes to
 * the chart's `onError` at once. Give `call.key` to the outside as idempotency key: it is the same for every attempt.
 */
export function implementPort<Input, Output>(
  port: Port<Input, Output>,
  perform: (call: PortCall<Input>) => Promise<Output> | Output,
): AnyPortImplementation {
  return implement(port, async (call) => {
    try {
      return await perform(call);
    } catch (error) {
      throw isRouseError(error) ? error : failed(port.name, error);
    }
  });
}

/** An answer that trying again would not change: a declined card. The chart sees `port_refused`, the message and the details. */
export function refusal(message: string, details: Record<string, unknown> = {}): RouseError {
  return new RouseError("port_refused", message, { details });
}

function failed(port: string, cause: unknown): RouseError {
  const message = cause instanceof Error ? cause.message : String(cause);
  return new RouseError("port_failed", `${port} failed: ${message}`, { cause });
}
