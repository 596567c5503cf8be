import { once } from "node:events";
import { Worker } from "node:worker_threads";
import type { Played, Way } from "./kernel-player.ts";
import { median, rounded } from "./median.ts";

/**
 * What one event costs, on the real participant chart and the same day of mail:
 * - resident: `send` to a running XState actor, which keeps no text of its state. Its ports are the chart's own inert
 *   promises, so invokes start and stop; its clock does nothing;
 * - hot: the kernel's step on the record that the step before returned, and the next record's JSON text after every
 *   event (a turn makes it once, however much mail it applies);
 * - cold: the same on a record that is parsed from its text before every event.
 * All begin after the creation, and must end in the same state with the same context.
 */

export interface KernelFigures {
  /** Hot ÷ resident by the wall clock: the median of the rounds, of the medians of their days. */
  kernel_vs_resident_send: number;
  cold_vs_resident_send: number;
  /** The same by processor time in all: steadier on a busy machine. */
  kernel_vs_resident_send_cpu: number;
  cold_vs_resident_send_cpu: number;
  /** Per event, by the thread's processor time. */
  us_per_event: Record<Way, number>;
  /** Measured in each way. */
  events: number;
  /** Of the record's text, on average. */
  record_bytes: number;
}

type Round = Record<Way, Played[]>;

const ways = ["resident", "hot", "cold"] as const;
/** Few at a time, so that what else the machine does meets all ways alike. */
const turnsPerRound = 5;
const daysPerTurn = 4;
/** Until the compiler has settled. */
const daysBefore = 300;

/** In each round every way plays 20 days, turn and turn about. */
export async function measureKernel({ rounds = 25 }: { rounds?: number } = {}): Promise<KernelFigures> {
  const players = ways.map((way) => new Player(way));
  try {
    for (const player of players) await player.play(daysBefore);
    const measured: Round[] = [];
    for (let index = 0; index < rounds; index += 1) measured.push(await playRound(players));
    return figures(measured);
  } finally {
    await Promise.all(players.map((player) => player.stop()));
  }
}

async function playRound(players: readonly Player[]): Promise<Round> {
  const round: Round = { resident: [], hot: [], cold: [] };
  for (let turn = 0; turn < turnsPerRound; turn += 1) {
    for (const player of players) round[player.way].push(...(await player.play(daysPerTurn)));
  }
  const ends = new Set(ways.flatMap((way) => round[way].map(({ end }) => end)));
  if (ends.size !== 1) throw new Error(`the same day ended differently: ${[...ends].join(" or ")}`);
  return round;
}

function figures(measured: readonly Round[]): KernelFigures {
  const wallRatio = (way: Way): number =>
    rounded(median(measured.map((round) => median(wallOf(round, way)) / median(wallOf(round, "resident")))));
  const cpuUs = (way: Way): number => sum(measured.flatMap((round) => round[way].map((day) => day.cpuUs)));
  const days = measured.flatMap(({ hot }) => hot);
  const events = sum(days.map((day) => day.events));
  return {
    kernel_vs_resident_send: wallRatio("hot"),
    cold_vs_resident_send: wallRatio("cold"),
    kernel_vs_resident_send_cpu: rounded(cpuUs("hot") / cpuUs("resident")),
    cold_vs_resident_send_cpu: rounded(cpuUs("cold") / cpuUs("resident")),
    us_per_event: {
      resident: rounded(cpuUs("resident") / events, 1),
      hot: rounded(cpuUs("hot") / events, 1),
      cold: rounded(cpuUs("cold") / events, 1),
    },
    events,
    record_bytes: Math.round(sum(days.map((day) => day.bytes)) / events),
  };
}

function wallOf(round: Round, way: Way): number[] {
  return round[way].map((day) => day.wallUs);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

class Player {
  readonly way: Way;
  readonly #worker: Worker;

  constructor(way: Way) {
    this.way = way;
    this.#worker = new Worker(new URL("./kernel-player.ts", import.meta.url), { workerData: way });
  }

  async play(days: number): Promise<Played[]> {
    const answer = once(this.#worker, "message") as Promise<[Played[]]>;
    this.#worker.postMessage(days);
    const [played] = await answer;
    return played;
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

if (import.meta.main) console.log(await measureKernel());
