import { setTimeout as pause } from "node:timers/promises";
import { findProblems } from "../load/checks.ts";
import { quantiles } from "../bench/quantiles.ts";
import { until } from "../network/until.ts";
import { loadOfMachine } from "./account.ts";
import { watchOutage, type Outage } from "./outage.ts";
import type { Scene } from "./scene.ts";

/** Milliseconds. */
export interface Spread {
  p50: number;
  max: number;
}

/** See `Outage`. */
export interface FaultFigures {
  times: number;
  /** Null where the primary was not struck. */
  elected_ms: Spread | null;
  writable_ms: Spread;
  next_turn_ms: Spread;
  /** Of `next_turn_ms`, what came after the database took writes again: the nodes' own part. */
  own_part_ms: Spread;
  /** From the repair to a whole cluster. */
  whole_again_ms: Spread;
}

export interface ClusterFigures {
  rounds: number;
  faults: Record<string, FaultFigures>;
  acknowledged: number;
  retries: number;
  problems: string[];
}

interface Fault {
  name: string;
  strike: (scene: Scene) => Promise<Blow>;
}

interface Blow {
  /** Epoch ms at which it was done. */
  at: number;
  /** Null when the primary was spared. */
  struckPrimary: string | null;
  repair: () => void;
}

const faults: readonly Fault[] = [
  {
    name: "primary killed",
    async strike({ cluster }) {
      const name = await cluster.primary();
      await cluster.killMember(name);
      return { at: Date.now(), struckPrimary: name, repair: () => cluster.startMember(name) };
    },
  },
  {
    name: "replica killed",
    async strike({ cluster }) {
      const name = await cluster.replica();
      await cluster.killMember(name);
      return { at: Date.now(), struckPrimary: null, repair: () => cluster.startMember(name) };
    },
  },
  {
    name: "primary cut off",
    async strike({ cluster }) {
      const name = await cluster.primary();
      cluster.cut(name);
      return { at: Date.now(), struckPrimary: name, repair: () => cluster.heal(name) };
    },
  },
];

/** What was measured of one fault, and what took a hand. */
interface Played {
  outage: Outage;
  wholeAgain: number;
  problems: string[];
}

/** Ten rounds take about a quarter of an hour: a dead primary is replaced after `ttl` seconds at the earliest. */
export async function playRounds(
  scene: Scene,
  rounds: number,
  say: (text: string) => void,
): Promise<ClusterFigures> {
  const { traffic, database, operator } = scene;
  const found = new Map<string, Played[]>(faults.map(({ name }) => [name, []]));
  await traffic.start();
  for (let round = 1; round <= rounds; round += 1) {
    for (const fault of faults) {
      const title = `round ${round}: ${fault.name}`;
      const played = await play(scene, fault).catch((cause: unknown) => {
        throw new Error(`${title}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
      });
      found.get(fault.name)?.push(played);
      for (const problem of played.problems) say(`${title}: ${problem}`);
      say(`${title}: ${told(played)}, load ${loadOfMachine()}`);
    }
  }
  say("No more faults: everything must come to rest");
  await traffic.stop();
  const look = (): Promise<string[]> => findProblems(database, traffic.acknowledged);
  const problems = await until("everything to rest", 60_000, async () => {
    const list = await look();
    return list.length === 0 ? list : null;
  }).catch(look);
  return {
    rounds,
    faults: Object.fromEntries([...found].map(([name, each]) => [name, figuresOf(each)])),
    acknowledged: traffic.acknowledged.length,
    retries: operator.retries,
    problems: [...[...found.values()].flat().flatMap((each) => each.problems), ...problems],
  };
}

async function play(scene: Scene, { strike }: Fault): Promise<Played> {
  const { traffic, cluster, nodes } = scene;
  const requireAlive = (): void => {
    traffic.requireAlive();
    const ended = nodes.filter(({ program }) => !program.lives).map(({ name }) => name);
    if (ended.length > 0) throw new Error(`nodes of Rouse ended: ${ended.join(", ")}`);
  };
  await pause(2_000);
  requireAlive();
  const blow = await strike(scene);
  const outage = await watchOutage(scene, blow);
  requireAlive();
  blow.repair();
  const repairedAt = performance.now();
  const problems: string[] = [];
  await cluster.whole().catch(async (reason: unknown) => {
    // Postgres' own trouble, the other two serve on; but it takes a hand, so it counts.
    problems.push(`by hand: ${(await cluster.copyAnew()).join(", ")} copied anew, because ${String(reason)}`);
    await cluster.whole();
  });
  return { outage, wholeAgain: Math.round(performance.now() - repairedAt), problems };
}

function told({ outage: { elected, writable, nextTurn }, wholeAgain }: Played): string {
  const led = elected === null ? "" : `led after ${elected}, `;
  return `${led}written after ${writable}, next turn after ${nextTurn}, whole ${wholeAgain} ms after the repair`;
}

function figuresOf(played: readonly Played[]): FaultFigures {
  const of = (measure: (outage: Outage) => number): Spread =>
    spread(played.map(({ outage }) => measure(outage)));
  const elections = played.flatMap(({ outage: { elected } }) => (elected === null ? [] : [elected]));
  return {
    times: played.length,
    elected_ms: elections.length === 0 ? null : spread(elections),
    writable_ms: of(({ writable }) => writable),
    next_turn_ms: of(({ nextTurn }) => nextTurn),
    own_part_ms: of(({ nextTurn, writable }) => Math.max(0, nextTurn - writable)),
    whole_again_ms: spread(played.map(({ wholeAgain }) => wholeAgain)),
  };
}

function spread(times: readonly number[]): Spread {
  return { p50: quantiles(times).p50, max: Math.max(...times) };
}
