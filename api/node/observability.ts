import type { FastifyInstance } from "fastify";
import type { Logger } from "pino";
import { registeredMachines } from "../../machines/registry.ts";
import { defaultTiming } from "../../runtime/node.ts";
import type { Store } from "../../runtime/store.ts";
import type { Identify } from "../http/rate-limits.ts";
import type { Config } from "../config.ts";
import { aroundCalls } from "../observability/around-call.ts";
import { createMetrics } from "../observability/metrics.ts";
import { metricsRoute } from "../observability/metrics-route.ts";
import { observeRequests } from "../observability/observe-requests.ts";
import { observeStore } from "../observability/observed-store.ts";
import { toAll } from "../observability/store-observer.ts";
import { traceStore } from "../observability/traced-store.ts";
import { isTracingConfigured, type Tracing } from "../observability/tracing.ts";
import { followWakes, type WakeEnd, type WakeStory } from "../observability/wake-metrics.ts";
import { traceWakes } from "../observability/wake-trace.ts";
import { logCalls, logWork } from "../observability/work-log.ts";
import { isInjectionPaused } from "../operations/injection-switch.ts";
import type { AroundCall } from "../operations/operation.ts";
import type { DatabaseFigures } from "./database.ts";

/** What a node shows of itself: figures, traces and log lines, all taken from the outside of store and operations. */

export interface Observability {
  /** The store that everybody uses from now on. */
  store: Store;
  aroundCall: AroundCall;
  observeServer: (server: FastifyInstance, identify: Identify) => void;
  nodeFailed: (error: unknown) => void;
  /** Sends what is left. Never rejects. */
  close: () => Promise<void>;
}

export interface ObservabilityOptions {
  config: Config;
  nodeId: string;
  version: string;
  store: Store;
  figures: DatabaseFigures;
  logger: Logger;
  environment: NodeJS.ProcessEnv;
}

export async function openObservability(options: ObservabilityOptions): Promise<Observability> {
  const { config, version, store, figures, logger } = options;
  const metrics = createMetrics({
    version,
    workspace: config.workspace,
    now: Date.now,
    machines: registeredMachines,
  });
  const tracing = await openTracing(options);
  const failed = (error: unknown): void => logger.debug({ err: error }, "a figure is missing");
  const tells = [metrics.wakeEnded, ...(tracing === null ? [] : [traceWakes(tracing)])];
  const observers = [
    ...metrics.storeObservers,
    logWork(logger),
    followWakes(figures.readWake, (story, end) => tellAll(tells, story, end), failed),
  ];
  const observed = observeStore(store, toAll(observers, failed));
  const logCall = logCalls(logger);
  const renew = metrics.gauges({
    readTables: () => figures.readTables(defaultTiming.nodeLostMs),
    isInjectionPaused: () => store.transaction((tx) => isInjectionPaused(tx, null), { readOnly: true }),
    pool: figures.pool,
    onError: (error) => logger.warn({ err: error }, "the database's figures could not be read"),
  });
  return {
    store: tracing === null ? observed : traceStore(observed, tracing),
    aroundCall: aroundCalls((call) => {
      metrics.operationCalled(call);
      logCall(call);
    }, tracing),
    observeServer(server, identify) {
      observeRequests(server, metrics.requestAnswered);
      const page = {
        access: config.metrics,
        contentType: metrics.contentType,
        render: () => metrics.render(renew),
      };
      metricsRoute(server, page, identify);
    },
    nodeFailed: metrics.nodeFailed,
    close: async () => tracing?.close(),
  };
}

function tellAll(
  tells: readonly ((story: WakeStory, end: WakeEnd) => void)[],
  story: WakeStory,
  end: WakeEnd,
): void {
  for (const tell of tells) tell(story, end);
}

/** OpenTelemetry is some 300 files: only who exports traces loads it. */
async function openTracing({
  config,
  nodeId,
  version,
  environment,
}: ObservabilityOptions): Promise<Tracing | null> {
  if (!isTracingConfigured(environment)) return null;
  const { createTracing } = await import("../observability/otel.ts");
  return createTracing({ nodeId, host: config.host, version }, environment);
}
