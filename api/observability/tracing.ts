/** What the engine's observers need of a tracer: spans by the text of their context. */

export type Attributes = Readonly<Record<string, string | number | readonly string[]>>;

export interface SpanStart {
  name: string;
  /** `server`: somebody outside asked. `consumer`: it was asked for in another transaction. */
  kind: "server" | "consumer";
  /** A traceparent, or null for the first span of a trace. */
  parent: string | null;
  /** Traceparents of others that led to it too. */
  links?: readonly string[];
  attributes: Attributes;
  /** Epoch ms; default: now. */
  startedAt?: number;
}

export interface SpanEnd {
  attributes?: Attributes;
  /** Why it failed. */
  error?: string;
  /** Epoch ms; default: now. */
  endedAt?: number;
}

export interface OpenSpan {
  traceparent: string;
  end(more?: SpanEnd): void;
}

export interface Tracing {
  /** Null when the trace is not recorded. */
  start(span: SpanStart): OpenSpan | null;
  /** Sends what is left. Never rejects. */
  close(): Promise<void>;
}

/** By the standard's own variables; without an address nothing is recorded, and nothing of OpenTelemetry is loaded. */
export function isTracingConfigured(environment: NodeJS.ProcessEnv): boolean {
  if (environment["OTEL_SDK_DISABLED"]?.toLowerCase() === "true") return false;
  const exporter = environment["OTEL_TRACES_EXPORTER"];
  if (exporter !== undefined && exporter !== "") return exporter.split(",").includes("otlp");
  return ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"].some(
    (name) => (environment[name] ?? "") !== "",
  );
}
