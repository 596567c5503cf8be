import type { TraceCarrier } from "../../runtime/store.ts";

/** Reading and writing a trace's context in events and inputs. Nothing is written while nothing is recorded. */

/** A participant arms timers for ever; a trace that went along for ever would never end. */
const longestMs = 15 * 60_000;

const traceparentPattern =
  /^[0-9a-f]{2}-(?<traceId>[0-9a-f]{32})-(?<spanId>[0-9a-f]{16})-(?<flags>[0-9a-f]{2})$/u;
/** Our entry of the trace's state: when the trace came to us, epoch ms. */
const sincePattern = /(?:^|,)rouse=(?<since>\d{1,15})(?:,|$)/u;

export interface ParsedTraceparent {
  traceId: string;
  spanId: string;
  isSampled: boolean;
}

/** Null for anything that is not one. */
export function parseTraceparent(text: string | undefined): ParsedTraceparent | null {
  const { traceId, spanId, flags } = traceparentPattern.exec(text ?? "")?.groups ?? {};
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  if (/^0+$/u.test(traceId) || /^0+$/u.test(spanId)) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

export function carrierFor(traceparent: string, since: number): TraceCarrier {
  return { traceparent, tracestate: `rouse=${since}` };
}

/** What an event or an input carries; null when nothing, or when its trace has gone on long enough. */
export function carrierIn(value: unknown, now: number): TraceCarrier | null {
  if (typeof value !== "object" || value === null || !("traceparent" in value)) return null;
  const { traceparent, tracestate } = value as Partial<Record<keyof TraceCarrier, unknown>>;
  if (typeof traceparent !== "string" || typeof tracestate !== "string") return null;
  if (parseTraceparent(traceparent) === null || now - sinceOf(tracestate) > longestMs) return null;
  return { traceparent, tracestate };
}

/** 0 for a state that is not ours. */
export function sinceOf(tracestate: string): number {
  return Number(sincePattern.exec(tracestate)?.groups?.["since"] ?? 0);
}

export function traceIdOf({ traceparent }: TraceCarrier): string {
  return parseTraceparent(traceparent)?.traceId ?? "";
}

export function withoutCarrier(input: unknown): unknown {
  if (typeof input !== "object" || input === null || !("traceparent" in input)) return input;
  const { traceparent: _traceparent, tracestate: _tracestate, ...rest } = input as Record<string, unknown>;
  return rest;
}

/** At the end of an actor's stored record, which is a JSON object: found without parsing the record. */
const inRecord = /,"trace":(?<carrier>\{"traceparent":"[^"]+","tracestate":"[^"]+"\})\}$/u;
const longestInRecord = 200;

export function recordWith(record: string, carrier: TraceCarrier): string {
  return `${record.slice(0, -1)},"trace":${JSON.stringify(carrier)}}`;
}

/** The record as the engine wrote it, and the trace that was stored with it. */
export function splitRecord(stored: string, now: number): { record: string; carrier: TraceCarrier | null } {
  const tail = stored.slice(-longestInRecord);
  const found = inRecord.exec(tail);
  const text = found?.groups?.["carrier"];
  if (found === null || text === undefined) return { record: stored, carrier: null };
  const record = `${stored.slice(0, stored.length - tail.length + found.index)}}`;
  return { record, carrier: carrierIn(JSON.parse(text), now) };
}
