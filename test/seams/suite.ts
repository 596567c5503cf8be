import { randomOf } from "./random.ts";
import { playRound, type RoundResult } from "./round.ts";
import type { Databases } from "./databases.ts";
import { isAtRestart, type SeamName } from "./seams.ts";
import { Stage } from "./stage.ts";
import type { Passings, Trip } from "./tripwire.ts";

/** Rounds of many seams, a few stories side by side. A seam at which nothing ever dies is a failure, too. */

export interface SuiteOptions {
  databases: Databases;
  seams: readonly SeamName[];
  rounds: number;
  seed: number;
  /**
   * `sometimes`: in every fourth round the node that follows dies, too, anywhere. `paired`: in each round two of the
   * wanted deaths happen where they can, which takes half the time.
   */
  secondDeaths: "sometimes" | "paired";
  terminal?: string | undefined;
  /** Stories at a time. */
  atOnce?: number;
  onRound?: (report: RoundReport) => void;
  /** Ends the rounds under way, with all that they started. */
  signal?: AbortSignal;
}

export interface RoundReport extends Pick<RoundResult, "deaths" | "recoveryMs" | "blocked" | "problems"> {
  seam: SeamName;
  round: number;
  passing: number;
  seed: number;
}

interface Task {
  seam: SeamName;
  round: number;
  /** It did not come to pass as another's partner. */
  alone?: true;
}

/** Dies always, early in every round: what follows passes the seams of a restart. */
const firstDeath: Trip = { seam: "turn.committed", passing: 2 };

export async function runSuite(options: SuiteOptions): Promise<RoundReport[]> {
  const { seams, rounds, secondDeaths, atOnce = 2 } = options;
  const tasks: Task[] = seams.flatMap((seam) =>
    Array.from({ length: rounds }, (_, round) => ({ seam, round })),
  );
  const reports: RoundReport[] = [];
  const story = async (number: number): Promise<void> => {
    const teller = new Teller(options, number);
    options.signal?.addEventListener("abort", () => {
      tasks.length = 0;
      void teller.close();
    });
    try {
      for (let task = tasks.shift(); task !== undefined; task = tasks.shift()) {
        // The list follows a story's course, so a partner from its end comes later in the round.
        const partner = secondDeaths === "paired" && task.alone !== true ? tasks.pop() : undefined;
        const report = await teller.tell(task, partner);
        if (options.signal?.aborted === true) break;
        const isPartnerDone = partner !== undefined && report.deaths.includes(partner.seam);
        if (partner !== undefined && !isPartnerDone) tasks.push({ ...partner, alone: true });
        for (const { seam, round } of isPartnerDone ? [task, partner] : [task]) {
          reports.push({ ...report, seam, round });
          options.onRound?.({ ...report, seam, round });
        }
      }
    } finally {
      await teller.close();
    }
  };
  await Promise.all(Array.from({ length: atOnce }, (_, number) => story(number)));
  return reports;
}

/** Tells rounds on one stage, until one of them fails: then the next gets a stage of its own. */
class Teller {
  readonly #options: SuiteOptions;
  readonly #name: string;
  #stage: Stage | null = null;
  #passings: Passings = {};
  #rounds = 0;

  constructor(options: SuiteOptions, number: number) {
    this.#options = options;
    this.#name = `story-${number}`;
  }

  async tell({ seam, round }: Task, partner?: Task): Promise<RoundReport> {
    const random = randomOf(`${this.#options.seed} ${seam} ${round}`);
    const report = { seam, round, seed: this.#options.seed };
    let passing = 1;
    try {
      const stage = await this.#openStage();
      const usual = this.#passings[seam] ?? 1;
      passing = isAtRestart(seam) ? 1 : 1 + Math.floor(random() * usual);
      let result = await this.#play(stage, { seam, passing }, this.#second(random, partner));
      // Rounds differ a little: where it passed less often than before, the first passing will do.
      if (passing > 1 && !result.deaths.includes(seam)) {
        passing = 1;
        result = await this.#play(stage, { seam, passing }, null);
      }
      if (result.problems.length > 0) await this.#abandon(result.problems);
      return { ...report, passing, ...result };
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      await this.#abandon([problem]);
      return { ...report, passing, deaths: [], recoveryMs: [], blocked: 0, problems: [problem] };
    }
  }

  async close(): Promise<void> {
    const stage = this.#stage;
    this.#stage = null;
    await stage?.close();
  }

  /** The first round of a stage is without a death: it tells how often each seam is passed. */
  async #openStage(): Promise<Stage> {
    if (this.#stage !== null) return this.#stage;
    const { databases, terminal } = this.#options;
    const stage = await Stage.open({ databases, terminal });
    this.#stage = stage;
    if (this.#options.signal?.aborted === true) throw new Error("interrupted");
    for (let warmUp = 0; warmUp < 2; warmUp += 1) {
      const { passings, problems } = await playRound(stage, this.#plan(null, null));
      if (problems.length > 0) throw new Error(`without any death: ${problems.join("; ")}`);
      this.#passings = passings;
    }
    return stage;
  }

  #play(stage: Stage, trip: Trip, nextTrip: Trip | null): Promise<RoundResult> {
    if (isAtRestart(trip.seam)) return playRound(stage, this.#plan(firstDeath, trip));
    return playRound(stage, this.#plan(trip, nextTrip));
  }

  #second(random: () => number, partner: Task | undefined): Trip | null {
    if (partner !== undefined) return { seam: partner.seam, passing: 1 };
    if (this.#options.secondDeaths === "paired" || this.#rounds % 4 !== 0) return null;
    const passed = Object.keys(this.#passings) as SeamName[];
    const seam = passed[Math.floor(random() * passed.length)];
    return seam === undefined ? null : { seam, passing: 1 };
  }

  #plan(trip: Trip | null, nextTrip: Trip | null) {
    this.#rounds += 1;
    return { threadId: `${this.#name}-round-${this.#rounds}`, trip, nextTrip };
  }

  async #abandon(problems: string[]): Promise<void> {
    const log = (await this.#stage?.log()) ?? "";
    const failures = log.split("\n").filter((line) => /"level":(?:50|60)/.test(line));
    problems.push(...failures.slice(-5).map((line) => `log: ${line.slice(0, 500)}`));
    await this.close();
  }
}
