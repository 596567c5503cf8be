import { isRouseError } from "../../runtime/errors.ts";
import type { CallInHand } from "../operations/operation.ts";
import { operationSeconds, readSeconds } from "./buckets.ts";
import { inSeconds, type MetricMaker } from "./metric.ts";
import type { Surface } from "./request-scope.ts";

export interface CalledOperation extends CallInHand {
  surface: Surface;
  durationMs: number;
  /** Null when it failed. */
  result: Record<string, unknown> | null;
  error: unknown;
}

/** Calls by operation, surface and code, and how long messages wait to be read. */
export function operationMetrics(maker: MetricMaker, now: () => number): (call: CalledOperation) => void {
  const calls = maker.counter(
    "rouse_operations_total",
    "Calls, by operation, surface (rest, mcp) and error code or ok.",
    ["operation", "surface", "code"],
  );
  const seconds = maker.histogram(
    "rouse_operation_seconds",
    "Time of a call, refused ones included, chosen waits not.",
    {
      buckets: operationSeconds,
      labelNames: ["operation", "surface"],
    },
  );
  const read = readLatency(maker, now);
  return (call) => {
    const { surface, durationMs, result, error } = call;
    const operation = call.operation.name;
    calls.inc({ operation, surface, code: result === null ? codeOf(error) : "ok" });
    if (!choseToWait(call)) seconds.observe({ operation, surface }, inSeconds(durationMs));
    if (operation === "read_messages" && result !== null) read(call.caller.agentId, result);
  };
}

function choseToWait({ input }: CalledOperation): boolean {
  return Number((input as { wait_s?: unknown } | null)?.wait_s ?? 0) > 0;
}

export function codeOf(error: unknown): string {
  return isRouseError(error) ? error.code : "internal";
}

const mostReaders = 10_000;

interface ReadResult {
  thread_id: string;
  last_read_seq: number | null;
  messages: readonly { seq: number; created_at: string; author: string }[];
}

/** Post → first read by each reader. What was handed out is remembered per reader: until the ack it is handed out again. */
function readLatency(
  maker: MetricMaker,
  now: () => number,
): (agentId: string, result: Record<string, unknown>) => void {
  const seconds = maker.histogram(
    "rouse_message_read_seconds",
    "Time from a post until a member of its thread reads it for the first time.",
    { buckets: readSeconds },
  );
  const handedOut = new Map<string, number>();
  return (agentId, result) => {
    const { thread_id, last_read_seq, messages } = result as Record<keyof ReadResult, never> as ReadResult;
    if (last_read_seq === null) return;
    const reader = `${thread_id} ${agentId}`;
    const seen = Math.max(last_read_seq, handedOut.get(reader) ?? 0);
    const fresh = messages.filter(({ seq, author }) => seq > seen && author !== agentId);
    for (const { created_at } of fresh) seconds.observe(inSeconds(now() - Date.parse(created_at)));
    handedOut.delete(reader);
    handedOut.set(reader, Math.max(seen, messages.at(-1)?.seq ?? 0));
    const [oldest] = handedOut.keys();
    if (handedOut.size > mostReaders && oldest !== undefined) handedOut.delete(oldest);
  };
}
