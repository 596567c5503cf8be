import { collectDefaultMetrics, Registry } from "@prometheus-io/client";
import { isRouseError } from "../../runtime/errors.ts";
import { conversationMetrics, eventMetrics } from "./event-metrics.ts";
import { effectMetrics } from "./effect-metrics.ts";
import { notificationMetrics } from "./notification-metrics.ts";
import { gauges, type GaugeSources } from "./gauges.ts";
import { requestMetrics, type AnsweredRequest } from "./request-metrics.ts";
import { MetricMaker, startAtZero } from "./metric.ts";
import { operationMetrics, type CalledOperation } from "./operation-metrics.ts";
import type { StoreObserver } from "./store-observer.ts";
import { storeErrorMetrics, timerMetrics, turnMetrics } from "./turn-metrics.ts";
import { wakeMetrics, type WakeEnd, type WakeStory } from "./wake-metrics.ts";

/** Everything that `/metrics` shows of one node. */
export interface Metrics {
  storeObservers: readonly StoreObserver[];
  operationCalled: (call: CalledOperation) => void;
  requestAnswered: (request: AnsweredRequest) => void;
  wakeEnded: (story: WakeStory, end: WakeEnd) => void;
  /** Of a failure that the node survived. */
  nodeFailed: (error: unknown) => void;
  /** The page in Prometheus' text form. */
  render: (sources: () => Promise<void>) => Promise<string>;
  contentType: string;
  /** Gauges of the outside; the function renews them. */
  gauges: (sources: GaugeSources) => () => Promise<void>;
}

export interface MetricsOptions {
  version: string;
  workspace: string;
  /** Epoch ms. */
  now: () => number;
  machines: readonly { kind: string; ports: readonly { name: string }[] }[];
}

export function createMetrics(node: MetricsOptions): Metrics {
  const registry = new Registry();
  registry.setDefaultLabels({ workspace: node.workspace });
  const maker = new MetricMaker(registry);
  collectDefaultMetrics({ register: registry });
  maker
    .gauge("rouse_build_info", "1; the version is a label.", ["version"])
    .set({ version: node.version }, 1);
  const failures = maker.counter(
    "rouse_node_errors_total",
    "Failures that the node survived, by error code.",
    ["code"],
  );
  startAtZero(failures, ["internal", "database_unavailable", "commit_outcome_unknown"]);
  const kinds = node.machines.map(({ kind }) => kind);
  const ports = node.machines.flatMap((machine) => machine.ports.map(({ name }) => name));
  return {
    storeObservers: [
      turnMetrics(maker),
      eventMetrics(maker, kinds),
      conversationMetrics(maker),
      timerMetrics(maker),
      storeErrorMetrics(maker),
      effectMetrics(maker, ports),
      notificationMetrics(maker, node.now),
    ],
    operationCalled: operationMetrics(maker, node.now),
    requestAnswered: requestMetrics(maker),
    wakeEnded: wakeMetrics(maker),
    nodeFailed: (error) => failures.inc({ code: isRouseError(error) ? error.code : "internal" }),
    contentType: registry.contentType,
    gauges: (sources) => gauges(maker, sources),
    async render(renew) {
      await renew();
      return registry.metrics();
    },
  };
}
