import { retainedKinds, type RetainedKind } from "../../persistence/postgres/retention.ts";
import type { Store } from "../../runtime/store.ts";
import type { Retention } from "../config.ts";
import type { OpenDatabase } from "./database.ts";

export interface RetentionOptions {
  prune: OpenDatabase["prune"];
  store: Store;
  retention: Retention;
  onError: (context: string, error: unknown) => void;
}

const dayMs = 86_400_000;
const everyMs = 600_000;
/** A start has better things to do. */
const firstAfterMs = 30_000;
const rowsPerBatch = 500;
/** Between two batches others get the database. */
const pauseMs = 50;
/** What is left comes with the next round, so that one kind cannot keep the others waiting. */
const mostBatches = 200;

/** Deletes what is older than the configuration keeps, in the background. Returns the function that ends it. */
export function startRetention(options: RetentionOptions): () => Promise<void> {
  if (Object.values(options.retention).every((keep) => keep === "indefinite")) return async () => {};
  const ending = new AbortController();
  const over = repeat(options, ending.signal);
  return async () => {
    ending.abort();
    await over;
  };
}

async function repeat(options: RetentionOptions, signal: AbortSignal): Promise<void> {
  for (let waitMs = firstAfterMs; ; waitMs = everyMs) {
    await pause(waitMs, signal);
    if (signal.aborted) return;
    await pruneRound(options, signal).catch((error: unknown) => options.onError("retention", error));
  }
}

/** One round over all kinds; what went is on record. Returns rows by kind. */
export async function pruneRound(
  { prune, store, retention }: Pick<RetentionOptions, "prune" | "store" | "retention">,
  signal: AbortSignal,
): Promise<Partial<Record<RetainedKind, number>>> {
  const deleted: Partial<Record<RetainedKind, number>> = {};
  try {
    for (const kind of retainedKinds) {
      const keep = retention[`${kind}Days`];
      if (keep === "indefinite") continue;
      for (let batch = 0; batch < mostBatches && !signal.aborted; batch += 1) {
        const count = await prune({ kind, keepMs: Math.ceil(keep * dayMs), limit: rowsPerBatch });
        if (count === null || count === 0) break;
        deleted[kind] = (deleted[kind] ?? 0) + count;
        await pause(pauseMs, signal);
      }
    }
  } finally {
    await record(store, retention, deleted);
  }
  return deleted;
}

async function record(
  store: Store,
  retention: Retention,
  deleted: Partial<Record<RetainedKind, number>>,
): Promise<void> {
  const kinds = Object.entries(deleted);
  if (kinds.length === 0) return;
  await store.transaction((tx) =>
    tx.appendAudit({
      actor: "engine",
      role: "operator",
      operation: "retention",
      subject: "workspace",
      outcome: "done",
      code: null,
      reason: "older than the configuration keeps",
      details: { ...retention },
      changes: kinds.map(([kind, count]) => ({ of: kind, before: null, after: `${count} deleted` })),
      requestId: null,
    }),
  );
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const timer = setTimeout(done, ms);
    timer.unref();
    signal.addEventListener("abort", done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    }
  });
}
