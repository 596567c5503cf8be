import { Counter, Gauge, Histogram, type Registry } from "@prometheus-io/client";

/** Makers of metrics in one registry. Label values come from closed lists: never from what a caller sends, never ids. */

export class MetricMaker {
  readonly registry: Registry;

  constructor(registry: Registry) {
    this.registry = registry;
  }

  counter<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[] = [],
  ): Counter<Label> {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  gauge<Label extends string>(name: string, help: string, labelNames: readonly Label[] = []): Gauge<Label> {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  histogram<Label extends string>(
    name: string,
    help: string,
    { buckets, labelNames = [] }: { buckets: number[]; labelNames?: readonly Label[] },
  ): Histogram<Label> {
    return new Histogram({ name, help, labelNames, buckets, registers: [this.registry] });
  }
}

/** What first appears with its first event would never show an increase: the alert for it would miss that event. For one label. */
export function startAtZero<Label extends string>(counter: Counter<Label>, values: readonly string[]): void {
  for (const value of values) counter.labels(value).inc(0);
}

export const inSeconds = (ms: number): number => Math.max(0, ms) / 1_000;

/** A value that may be anything: kept only when it is in the list. */
export function known(list: readonly string[], value: unknown): string {
  return typeof value === "string" && list.includes(value) ? value : "other";
}
