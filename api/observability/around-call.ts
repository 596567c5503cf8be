import type { AroundCall, CallInHand } from "../operations/operation.ts";
import type { CalledOperation } from "./operation-metrics.ts";
import { codeOf } from "./operation-metrics.ts";
import { requestScope, type RequestScope } from "./request-scope.ts";
import { carrierFor } from "./trace-carrier.ts";
import { traceScope } from "./trace-scope.ts";
import type { OpenSpan, Tracing } from "./tracing.ts";

/** Measures each call, and begins its trace: the caller's own when it sent one, else a new one. */
export function aroundCalls(called: (call: CalledOperation) => void, tracing: Tracing | null): AroundCall {
  return async (call, run) => {
    const scope = requestScope.getStore();
    const startedAt = performance.now();
    const span = tracing === null ? null : startSpan(tracing, call, scope);
    const tell = (result: Record<string, unknown> | null, error: unknown): void => {
      const durationMs = performance.now() - startedAt;
      const { operation, caller, input, requestId } = call;
      called({
        operation,
        caller,
        input,
        requestId,
        surface: scope?.surface ?? "rest",
        durationMs,
        result,
        error,
      });
      span?.end(result === null ? { error: codeOf(error) } : {});
    };
    const traced = (): Promise<Record<string, unknown>> =>
      span === null ? run() : traceScope.run(carrierFor(span.traceparent, Date.now()), run);
    try {
      const result = await traced();
      tell(result, null);
      return result;
    } catch (error) {
      tell(null, error);
      throw error;
    }
  };
}

function startSpan(tracing: Tracing, call: CallInHand, scope: RequestScope | undefined): OpenSpan | null {
  const { operation, caller, requestId } = call;
  return tracing.start({
    name: operation.name,
    kind: "server",
    parent: scope?.traceparent ?? null,
    attributes: {
      "rouse.operation": operation.name,
      "rouse.agent": caller.agentId,
      "rouse.request_id": requestId,
      "rouse.surface": scope?.surface ?? "rest",
    },
  });
}
