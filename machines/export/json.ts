import type { Chart } from "../registry.ts";

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/**
 * The chart as data, in the form Stately's editor and `createMachine` read. Actions, guards, delays and ports stand by
 * their names; computed params, input and context have no form as data and are left out.
 */
export function toStatelyJson(chart: Chart): Record<string, Json> {
  return plainObject(chart.config);
}

function plainObject(value: object): Record<string, Json> {
  const entries = Object.entries(value).flatMap(([key, entry]) => {
    const kept = plain(entry);
    return kept === undefined ? [] : [[key, kept] as const];
  });
  return Object.fromEntries(entries);
}

function plain(value: unknown): Json | undefined {
  if (
    value === null ||
    typeof value === "string" ||
    typeof value === "number" ||
    typeof value === "boolean"
  ) {
    return value;
  }
  if (Array.isArray(value)) return value.map((entry) => plain(entry) ?? null);
  return typeof value === "object" ? plainObject(value) : undefined;
}
