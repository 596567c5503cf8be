import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import type { Database } from "../../../persistence/postgres/connect.ts";
import type { Store } from "../../../runtime/store.ts";
import { takeTurns, type TurnOptions } from "../../../runtime/turn.ts";
import { openBenchDatabase } from "./bench-database.ts";
import { median, rounded } from "./median.ts";
import { createParticipants, mailKinds, participantAddress, sendStep, turnOptions } from "./participants.ts";
import { serverCpuMs } from "./server-cpu.ts";

/** What a turn costs while ever more other actors rest in the same workspace. */

export interface AtRestOptions {
  /** Actors at rest, ascending; the million takes about 5 GB of disk for a while. */
  sizes?: readonly number[];
  /** With mail in each round. */
  active?: number;
  rounds?: number;
  url?: string;
}

export interface AtRestFigures {
  /** Processor time per turn (wall time when the server runs elsewhere), the largest size ÷ the smallest. */
  turn_cost_1e6_vs_1e2: number;
  by_size: (TurnCost & { at_rest: number; single_turn_ms: number })[];
}

export async function measureAtRest(options: AtRestOptions = {}): Promise<AtRestFigures> {
  const { sizes = [100, 10_000, 1_000_000], active = 100, rounds = 12, url } = options;
  const { database, remove } = await openBenchDatabase(url);
  try {
    const store = createPostgresStore({ database, workspaceId: "bench" });
    const bench: AtRestBench = { database, store, options: turnOptions(store), active, step: 0 };
    await createParticipants(bench.options, active);
    const figures: AtRestFigures["by_size"] = [];
    for (const size of sizes) {
      await fillTo(database, size);
      await takeRounds(bench, mailKinds);
      figures.push({ at_rest: size, ...(await takeRounds(bench, rounds)), ...(await singles(bench)) });
    }
    const cost = figures.map(({ us_per_turn, node_us, server_us }) =>
      server_us === null ? us_per_turn : node_us + server_us,
    );
    const ratio = (cost.at(-1) ?? Number.NaN) / (cost[0] ?? Number.NaN);
    return { turn_cost_1e6_vs_1e2: rounded(ratio), by_size: figures };
  } finally {
    await remove();
  }
}

interface TurnCost {
  us_per_turn: number;
  node_us: number;
  server_us: number | null;
}

interface AtRestBench {
  database: Database;
  store: Store;
  options: TurnOptions;
  active: number;
  step: number;
}

/** Copies of one real participant under addresses of their own; none has mail. */
async function fillTo({ sql }: Database, size: number): Promise<void> {
  const [row] =
    await sql`select count(*)::int as there from rouse.actor where address like 'participant/rest-%'`;
  const chunk = 20_000;
  for (let first = Number(row?.["there"]); first < size; first += chunk) {
    const last = Math.min(size, first + chunk) - 1;
    await sql`
      insert into rouse.actor (workspace_id, address, kind, subject, version, status, machine_version, machine_hash, record,
                               created_at, updated_at)
      select workspace_id, 'participant/rest-' || md5(n::text), kind, 'rest-' || n, version, status, machine_version,
             machine_hash, record, created_at, updated_at
      from rouse.actor, generate_series(${first}::int, ${last}::int) as n
      where address = ${participantAddress(0)}`;
  }
  await sql.unsafe("vacuum analyze rouse.actor");
  await sql.unsafe("checkpoint");
}

/** Each round one mail for every active actor, then turns until none is left; medians per turn. */
async function takeRounds(bench: AtRestBench, rounds: number): Promise<TurnCost> {
  const { database, store, options, active } = bench;
  const walls: number[] = [];
  let nodeUs = 0;
  const serverBefore = await serverCpuMs(database);
  for (let round = 0; round < rounds; round += 1) {
    await sendStep(store, active, bench.step);
    bench.step += 1;
    const startedAt = performance.now();
    const usage = process.cpuUsage();
    let moved = 0;
    while (moved < active) moved += (await takeTurns(options)).moved;
    const { user, system } = process.cpuUsage(usage);
    nodeUs += user + system;
    walls.push(((performance.now() - startedAt) * 1_000) / active);
  }
  const serverAfter = await serverCpuMs(database);
  const turns = rounds * active;
  return {
    us_per_turn: rounded(median(walls), 0),
    node_us: rounded(nodeUs / turns, 0),
    server_us:
      serverBefore === null || serverAfter === null
        ? null
        : rounded(((serverAfter - serverBefore) * 1_000) / turns, 0),
  };
}

/** One mail at a time, in ms. */
async function singles({ store, options }: AtRestBench): Promise<{ single_turn_ms: number }> {
  const times: number[] = [];
  const event = { type: "heartbeat.received", sessionId: "s", host: "here", resumable: true };
  for (let index = 0; index < 60; index += 1) {
    await store.transaction((tx) => tx.send([{ to: participantAddress(0), from: "a", event }]));
    const startedAt = performance.now();
    await takeTurns(options);
    times.push(performance.now() - startedAt);
  }
  return { single_turn_ms: rounded(median(times)) };
}
