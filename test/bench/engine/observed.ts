import { createMetrics } from "../../../api/observability/metrics.ts";
import { observeStore } from "../../../api/observability/observed-store.ts";
import { toAll } from "../../../api/observability/store-observer.ts";
import { traceStore } from "../../../api/observability/traced-store.ts";
import { registeredMachines } from "../../../machines/registry.ts";
import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import type { Store } from "../../../runtime/store.ts";
import { takeTurns } from "../../../runtime/turn.ts";
import { openBenchDatabase } from "./bench-database.ts";
import { median, rounded } from "./median.ts";
import { createParticipants, mailKinds, sendStep, turnOptions } from "./participants.ts";

/** What measuring costs a turn: the same turns over the plain store, the measured one, and one that looks for traces. */

export interface ObservedFigures {
  /** Medians over rounds of processor time of this process per turn. */
  us_per_turn: { plain: number; measured: number; tracing: number };
  /** Medians of ratios within a round: turns per second ÷ those over the plain store. */
  measured_vs_plain: number;
  tracing_vs_plain: number;
}

type Kind = "plain" | "measured" | "tracing";

export async function measureObserved(
  options: { rounds?: number; actors?: number; url?: string } = {},
): Promise<ObservedFigures> {
  const { rounds = 7, actors = 1_000, url } = options;
  const { database, remove } = await openBenchDatabase(url);
  try {
    const benches = await Promise.all(
      (["plain", "measured", "tracing"] as const).map(async (kind) => {
        const store = wrapped(kind, createPostgresStore({ database, workspaceId: kind }));
        return { kind, drain: await prepared(store, actors) };
      }),
    );
    await database.sql.unsafe("vacuum analyze");
    const perSecond: Record<Kind, number[]> = { plain: [], measured: [], tracing: [] };
    const cpu: Record<Kind, number[]> = { plain: [], measured: [], tracing: [] };
    for (let round = 0; round < rounds; round += 1) {
      // Each is first as often as the others.
      const order = benches.map((_, index) => benches[(index + round) % benches.length] ?? benches[0]);
      for (const bench of order) {
        if (bench === undefined) continue;
        const { ms, cpuMs } = await bench.drain();
        perSecond[bench.kind].push((actors * mailKinds * 1_000) / ms);
        cpu[bench.kind].push((cpuMs * 1_000) / (actors * mailKinds));
      }
    }
    const ratio = (kind: Kind): number =>
      rounded(median(perSecond[kind].map((each, round) => each / (perSecond.plain[round] ?? each))), 3);
    const us = (kind: Kind): number => rounded(median(cpu[kind]), 1);
    return {
      us_per_turn: { plain: us("plain"), measured: us("measured"), tracing: us("tracing") },
      measured_vs_plain: ratio("measured"),
      tracing_vs_plain: ratio("tracing"),
    };
  } finally {
    await remove();
  }
}

function wrapped(kind: Kind, store: Store): Store {
  if (kind === "plain") return store;
  const node = { version: "0", workspace: kind, now: Date.now, machines: registeredMachines };
  const observed = observeStore(
    store,
    toAll(createMetrics(node).storeObservers, () => {}),
  );
  // Nothing is recorded: what remains is the looking.
  return kind === "measured" ? observed : traceStore(observed, { start: () => null, close: async () => {} });
}

/** One mail of each kind for every actor; only the turns are timed. */
async function prepared(store: Store, actors: number): Promise<() => Promise<{ ms: number; cpuMs: number }>> {
  const options = turnOptions(store);
  await createParticipants(options, actors);
  let step = 0;
  return async () => {
    let [ms, cpuMs] = [0, 0];
    for (let kind = 0; kind < mailKinds; kind += 1) {
      await sendStep(store, actors, step);
      step += 1;
      const before = process.cpuUsage();
      const startedAt = performance.now();
      while ((await takeTurns(options)).moved > 0);
      ms += performance.now() - startedAt;
      const { user, system } = process.cpuUsage(before);
      cpuMs += (user + system) / 1_000;
    }
    return { ms, cpuMs };
  };
}
