import { setTimeout as pause } from "node:timers/promises";
import { findProblems } from "../load/checks.ts";
import { quantiles } from "../bench/quantiles.ts";
import { until } from "../network/until.ts";
import type { Scene } from "./scene.ts";

export interface FaultFigures {
  times: number;
  /** From the fault to the begin of the next turn that was committed, ms. */
  next_turn_ms: { p50: number; max: number };
  /** From the repair to a whole cluster, ms. */
  whole_again_ms: { p50: number; max: number };
}

export interface ClusterFigures {
  rounds: number;
  faults: Record<string, FaultFigures>;
  acknowledged: number;
  retries: number;
  /** Standbys that Patroni did not bring back by itself. */
  copied_anew: number;
  problems: string[];
}

interface Fault {
  name: string;
  strike: (scene: Scene) => Promise<Blow>;
}

interface Blow {
  /** Epoch ms at which it was done. */
  at: number;
  repair: () => void;
}

const faults: readonly Fault[] = [
  { name: "primary killed", strike: ({ cluster }) => kill(cluster, cluster.primary()) },
  { name: "replica killed", strike: ({ cluster }) => kill(cluster, cluster.replica()) },
  {
    name: "primary cut off",
    async strike({ cluster }) {
      const name = await cluster.primary();
      cluster.cut(name);
      return { at: Date.now(), repair: () => cluster.heal(name) };
    },
  },
];

async function kill(cluster: Scene["cluster"], found: Promise<string>): Promise<Blow> {
  const name = await found;
  await cluster.killMember(name);
  return { at: Date.now(), repair: () => cluster.startMember(name) };
}

/** Ten rounds take about a quarter of an hour: a dead primary is replaced after `ttl` seconds at the earliest. */
export async function playRounds(
  scene: Scene,
  rounds: number,
  say: (text: string) => void,
): Promise<ClusterFigures> {
  const { traffic, database, cluster, operator } = scene;
  const found = new Map<string, { nextTurn: number[]; whole: number[] }>();
  let copiedAnew = 0;
  await traffic.start();
  for (let round = 1; round <= rounds; round += 1) {
    for (const { name, strike } of faults) {
      await pause(2_000);
      traffic.requireAlive();
      const { at, repair } = await strike(scene);
      const nextTurn = await nextTurnAfter(database, at);
      traffic.requireAlive();
      repair();
      const repairedAt = performance.now();
      await cluster.whole().catch(async () => {
        // Postgres' own trouble, not ours: the other two serve on. Told, because it takes a hand.
        const names = await cluster.copyAnew();
        copiedAnew += names.length;
        say(`round ${round}: ${name}: ${names.join(", ")} did not come back and is copied anew`);
        await cluster.whole();
      });
      const whole = Math.round(performance.now() - repairedAt);
      const figures = found.get(name) ?? { nextTurn: [], whole: [] };
      found.set(name, { nextTurn: [...figures.nextTurn, nextTurn], whole: [...figures.whole, whole] });
      say(`round ${round}: ${name}: next turn after ${nextTurn} ms, whole ${whole} ms after the repair`);
    }
  }
  say("No more faults: everything must come to rest");
  await traffic.stop();
  const problems = await until("everything to rest", 60_000, async () => {
    const list = await findProblems(database, traffic.acknowledged);
    return list.length === 0 ? list : null;
  }).catch(() => findProblems(database, traffic.acknowledged));
  const summaries = [...found].map(([name, { nextTurn, whole }]): [string, FaultFigures] => [
    name,
    { times: nextTurn.length, next_turn_ms: summary(nextTurn), whole_again_ms: summary(whole) },
  ]);
  return {
    rounds,
    faults: Object.fromEntries(summaries),
    acknowledged: traffic.acknowledged.length,
    retries: operator.retries,
    copied_anew: copiedAnew,
    problems,
  };
}

/** By the journal: the begin of the first turn that began after the fault and was committed. */
async function nextTurnAfter(database: Scene["database"], struckAt: number): Promise<number> {
  return until("the next turn", 60_000, async () => {
    const [row] = await database.sql<{ at: string }[]>`
      select at from rouse.journal where at > ${struckAt} order by at limit 1`;
    return row === undefined ? null : Number(row.at) - struckAt;
  });
}

function summary(times: readonly number[]): { p50: number; max: number } {
  return { p50: quantiles(times).p50, max: Math.max(...times) };
}
