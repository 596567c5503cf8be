import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
  type Context,
  type Link,
} from "@opentelemetry/api";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-http";
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
} from "@opentelemetry/sdk-trace";
import { parseTraceparent } from "./trace-carrier.ts";
import type { OpenSpan, SpanStart, Tracing } from "./tracing.ts";

/** OpenTelemetry behind our own contract. Loaded only by nodes that export traces. */

export interface NodeIdentity {
  nodeId: string;
  host: string;
  version: string;
}

const closeWithinMs = 3_000;

export function createTracing(node: NodeIdentity, environment: NodeJS.ProcessEnv): Tracing {
  const own = resourceFromAttributes({
    "service.name": "rouse",
    "service.version": node.version,
    "service.instance.id": node.nodeId,
    "host.name": node.host,
  });
  // The exporter reads its own variables; the SDK leaves these to its user.
  const provider = new TracerProvider({
    resource: defaultResource()
      .merge(own)
      .merge(detectResources({ detectors: [envDetector] })),
    sampler: samplerFor(environment),
    spanProcessors: [
      new BatchSpanProcessor({
        exporter: new OTLPTraceExporter(),
        ...numberFrom(environment, "OTEL_BSP_SCHEDULE_DELAY", "scheduledDelayMillis"),
        ...numberFrom(environment, "OTEL_BSP_MAX_QUEUE_SIZE", "maxQueueSize"),
        ...numberFrom(environment, "OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "maxExportBatchSize"),
      }),
    ],
  });
  const tracer = provider.getTracer("rouse", node.version);
  return {
    start({ name, kind, parent, links = [], attributes, startedAt }) {
      const options = {
        kind: kinds[kind],
        attributes: { ...attributes },
        links: links.flatMap(linkTo),
        ...(startedAt === undefined ? {} : { startTime: startedAt }),
      };
      return opened(tracer.startSpan(name, options, contextOf(parent)));
    },
    async close() {
      const deadline = new Promise<void>((resolve) => setTimeout(resolve, closeWithinMs).unref());
      await Promise.race([provider.shutdown().catch(() => undefined), deadline]);
    },
  };
}

const kinds: Readonly<Record<SpanStart["kind"], SpanKind>> = {
  server: SpanKind.SERVER,
  consumer: SpanKind.CONSUMER,
};

function opened(span: ReturnType<ReturnType<TracerProvider["getTracer"]>["startSpan"]>): OpenSpan | null {
  if (!span.isRecording()) return null;
  const { traceId, spanId } = span.spanContext();
  return {
    traceparent: `00-${traceId}-${spanId}-01`,
    end({ attributes, error, endedAt } = {}) {
      if (attributes !== undefined) span.setAttributes({ ...attributes });
      if (error !== undefined) span.setStatus({ code: SpanStatusCode.ERROR, message: error });
      span.end(endedAt);
    },
  };
}

function contextOf(parent: string | null): Context {
  const [link] = parent === null ? [] : linkTo(parent);
  return link === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, link.context);
}

function linkTo(traceparent: string): Link[] {
  const parsed = parseTraceparent(traceparent);
  if (parsed === null) return [];
  const { traceId, spanId, isSampled } = parsed;
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return [{ context: { traceId, spanId, traceFlags, isRemote: true } }];
}

/** https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/#general-sdk-configuration */
function samplerFor(environment: NodeJS.ProcessEnv): Sampler {
  const name = environment["OTEL_TRACES_SAMPLER"] ?? "parentbased_always_on";
  const root = rootSampler(name.replace(/^parentbased_/u, ""), environment["OTEL_TRACES_SAMPLER_ARG"]);
  return name.startsWith("parentbased_") ? new ParentBasedSampler({ root }) : root;
}

function rootSampler(name: string, argument: string | undefined): Sampler {
  if (name === "always_off") return new AlwaysOffSampler();
  if (name !== "traceidratio") return new AlwaysOnSampler();
  const ratio = Number(argument ?? "1");
  return new TraceIdRatioBasedSampler(Number.isFinite(ratio) ? ratio : 1);
}

function numberFrom<Name extends string>(
  environment: NodeJS.ProcessEnv,
  variable: string,
  name: Name,
): Partial<Record<Name, number>> {
  const value = Number(environment[variable] ?? "");
  return environment[variable] !== undefined && value > 0
    ? ({ [name]: value } as Partial<Record<Name, number>>)
    : {};
}
