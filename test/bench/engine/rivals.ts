import { quantiles } from "../quantiles.ts";
import { openBenchDatabase } from "./bench-database.ts";
import { median, rounded } from "./median.ts";
import { Contestant } from "./rivals/contestant.ts";
import { installRivals } from "./rivals/install.ts";

/** The same work on the engine and on four rivals, each in a process of its own, round by round in changing order. */

export interface RivalsOptions {
  rounds?: number;
  actors?: number;
  /** Of throughput for each contender in each round. */
  seconds?: number;
  /** Events taken one at a time by each contender in each round. */
  samples?: number;
  url?: string;
  say?: (text: string) => void;
}

const rivals = ["pg-boss", "graphile-worker", "dbos", "restate"] as const;
type RivalKey = "pg_boss" | "graphile_worker" | "dbos" | "restate";

export interface ContenderFigures {
  version: string;
  events_per_s: number;
  rounds_events_per_s: number[];
  /** Submitted → transition durably committed, one event at a time. */
  latency_ms: { p50: number; p95: number; p99: number };
  /** Ours only: the event as a command, applied in the transaction that brings it. */
  command_latency_ms?: { p50: number; p95: number; p99: number };
  /** Processor time of the contender's own Node process; servers are processes of their own. */
  node_us_per_event: number;
}

export type RivalsFigures = {
  /** Median over rounds of our events per second ÷ theirs; null when the rival could not be measured. */
  [Key in `vs_${RivalKey}`]: number | null;
} & {
  /**
   * Median over rounds of our median latency ÷ theirs, like with like: of mail beside the job libraries, of a command
   * beside DBOS and Restate, whose callers wait for the answer.
   */
  [Key in `latency_vs_${RivalKey}`]: number | null;
} & {
  contenders: Record<string, ContenderFigures | { missing: string }>;
};

interface Round {
  eventsPerS: number;
  cpuUsPerEvent: number;
  latencyMs: number[];
  commandMs: number[];
}

class Entrant {
  readonly name: string;
  readonly rounds: Round[] = [];
  missing: string | null = null;
  contestant: Contestant | null = null;
  remove: () => Promise<void> = () => Promise.resolve();
  wave = 0;

  constructor(name: string) {
    this.name = name;
  }

  async attempt(work: (contestant: Contestant) => Promise<void>): Promise<void> {
    if (this.contestant === null || this.missing !== null) return;
    try {
      await work(this.contestant);
    } catch (error) {
      this.missing = error instanceof Error ? error.message : String(error);
    }
  }

  async close(): Promise<void> {
    await this.contestant?.close();
    await this.remove();
  }
}

export async function measureRivals(options: RivalsOptions = {}): Promise<RivalsFigures> {
  const { rounds = 5, actors = 2_000, seconds = 2, samples = 40, url, say = () => undefined } = options;
  const uninstalled = await installRivals(say);
  const entrants = ["rouse", ...rivals].map((name) => new Entrant(name));
  try {
    for (const entrant of entrants) {
      if (entrant.name !== "rouse" && uninstalled !== null) entrant.missing = uninstalled;
      else await enter(entrant, { actors, url, say });
    }
    for (let round = 0; round < rounds; round += 1) {
      const turned = round % entrants.length;
      for (const entrant of [...entrants.slice(turned), ...entrants.slice(0, turned)]) {
        await entrant.attempt(async (contestant) => {
          const command = entrant.name === "rouse";
          entrant.rounds.push(await play(contestant, { seconds, samples, wave: entrant.wave, command }));
        });
      }
      say(`rivals: round ${round + 1} of ${rounds}: ${entrants.map(lastRound).join(", ")}`);
    }
  } finally {
    for (const entrant of entrants) await entrant.close();
  }
  return conclude(entrants);
}

/** Starts the contender, warms it up, and finds the number of events that it takes in about a second. */
async function enter(
  entrant: Entrant,
  { actors, url, say }: { actors: number; url: string | undefined; say: (text: string) => void },
): Promise<void> {
  say(`rivals: starting ${entrant.name}`);
  const database = await openBenchDatabase(url);
  entrant.remove = database.remove;
  try {
    entrant.contestant = await Contestant.start(entrant.name, database.url, actors);
  } catch (error) {
    if (entrant.name === "rouse") throw error;
    entrant.missing = error instanceof Error ? error.message : String(error);
  }
  await entrant.attempt(async (contestant) => {
    await contestant.throughput(0, 400);
    const { events, ms } = await contestant.throughput(1, 400);
    await contestant.latency(10);
    entrant.wave = Math.min(actors, Math.max(200, Math.round((events * 1_000) / ms)));
  });
}

async function play(
  contestant: Contestant,
  { seconds, samples, wave, command }: { seconds: number; samples: number; wave: number; command: boolean },
): Promise<Round> {
  const { events, ms, cpuMs } = await contestant.throughput(seconds, wave);
  return {
    eventsPerS: (events * 1_000) / ms,
    cpuUsPerEvent: (cpuMs * 1_000) / events,
    latencyMs: await contestant.latency(samples),
    commandMs: command ? await contestant.latency(samples, { command }) : [],
  };
}

function lastRound({ name, missing, rounds }: Entrant): string {
  return `${name} ${missing === null ? Math.round(rounds.at(-1)?.eventsPerS ?? 0) : "missing"}`;
}

function conclude(entrants: readonly Entrant[]): RivalsFigures {
  const ours = entrants.find(({ name }) => name === "rouse");
  if (ours === undefined || ours.missing !== null) throw new Error(`our own engine failed: ${ours?.missing}`);
  const against = (
    name: string,
    figure: (round: Round) => number,
    ourFigure: (round: Round) => number = figure,
  ): number | null => {
    const rival = entrants.find((each) => each.name === name);
    if (rival === undefined || rival.missing !== null) return null;
    const ratios = rival.rounds.map((theirs, round) => {
      const own = ours.rounds[round];
      return own === undefined ? Number.NaN : ourFigure(own) / figure(theirs);
    });
    return rounded(median(ratios));
  };
  const throughput = (name: string): number | null => against(name, ({ eventsPerS }) => eventsPerS);
  const latency = (name: string): number | null => against(name, ({ latencyMs }) => median(latencyMs));
  const answer = (name: string): number | null =>
    against(
      name,
      ({ latencyMs }) => median(latencyMs),
      ({ commandMs }) => median(commandMs),
    );
  return {
    vs_pg_boss: throughput("pg-boss"),
    vs_graphile_worker: throughput("graphile-worker"),
    vs_dbos: throughput("dbos"),
    vs_restate: throughput("restate"),
    latency_vs_pg_boss: latency("pg-boss"),
    latency_vs_graphile_worker: latency("graphile-worker"),
    latency_vs_dbos: answer("dbos"),
    latency_vs_restate: answer("restate"),
    contenders: Object.fromEntries(entrants.map((entrant) => [entrant.name, figuresOf(entrant)])),
  };
}

function figuresOf({ contestant, missing, rounds }: Entrant): ContenderFigures | { missing: string } {
  if (missing !== null || contestant === null) return { missing: missing ?? "not started" };
  const rates = rounds.map(({ eventsPerS }) => eventsPerS);
  const commands = rounds.flatMap(({ commandMs }) => commandMs);
  return {
    version: contestant.version,
    events_per_s: rounded(median(rates), 0),
    rounds_events_per_s: rates.map((rate) => rounded(rate, 0)),
    latency_ms: quantiles(rounds.flatMap(({ latencyMs }) => latencyMs)),
    ...(commands.length === 0 ? {} : { command_latency_ms: quantiles(commands) }),
    node_us_per_event: rounded(median(rounds.map(({ cpuUsPerEvent }) => cpuUsPerEvent)), 0),
  };
}
