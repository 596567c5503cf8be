import { performance } from "node:perf_hooks";
import type { Databases } from "../seams/databases.ts";
import type { PlayedKind } from "./kinds/kind.ts";
import type { Scenario } from "./scenarios/scenario.ts";
import { type Backend, Stage } from "./stage.ts";

/** Scenarios of each kind on each backend, one after the other on a stage of their own. */

export interface Result {
  kind: string;
  backend: Backend;
  scenario: string;
  outcome: "pass" | "fail" | "skipped";
  /** Why it failed or was skipped; empty when it passed. */
  reason: string;
  ms: number;
  /** How its agents were reached, by the receipts: channels of wakes, and ports that started programs. */
  channels: readonly string[];
}

export interface SuiteOptions {
  /** With the path of each installed program, or why there is none. */
  kinds: readonly { kind: PlayedKind; program: string | Error }[];
  backends: readonly Backend[];
  scenarios: readonly Scenario[];
  databases: Databases;
  onResult?: (result: Result) => void;
  /** What a failure looked like: screens, requests, the node's last words. */
  onFailure?: (result: Result, details: string) => void;
  /** No scenario begins after it. */
  signal?: AbortSignal;
  /** What failed is played once more, on a stage of its own. */
  again?: boolean;
}

export async function runSuite(options: SuiteOptions): Promise<Result[]> {
  const results: Result[] = [];
  for (const backend of options.backends) {
    // All kinds play a scenario before the next: a run whose time ends has not left one of them out.
    const tellers = options.kinds.map((played) => new Teller(options, { ...played, backend }));
    for (const scenario of options.scenarios) {
      for (const teller of tellers) {
        const first = await teller.tell(scenario);
        const isTriedAgain = options.again === true && first.outcome === "fail";
        const result = isTriedAgain ? secondOf(first, await teller.tell(scenario)) : first;
        results.push(result);
        options.onResult?.(result);
      }
    }
    for (const teller of tellers) await teller.close();
  }
  return results;
}

/** A second attempt that passed says what the first one met; any other changes nothing. */
export function secondOf(first: Result, second: Result): Result {
  if (second.outcome !== "pass") return first;
  return { ...second, reason: `at the second attempt, for the first failed: ${first.reason}` };
}

/** Why a scenario was not played that came too late. */
export const timeIsUp = "the time is up";

interface Part {
  kind: PlayedKind;
  backend: Backend;
  program: string | Error;
}

const openStages = new Set<Stage>();

/** For whoever breaks off: programs outlive their stage otherwise. */
export async function closeStages(): Promise<void> {
  await Promise.allSettled([...openStages].map((stage) => stage.close()));
}

/** Keeps its stage while all goes well: what follows a failure gets a fresh one. */
class Teller {
  readonly #options: SuiteOptions;
  readonly #part: Part;
  #stage: Stage | null = null;

  constructor(options: SuiteOptions, part: Part) {
    this.#options = options;
    this.#part = part;
  }

  async tell(scenario: Scenario): Promise<Result> {
    const begunAt = performance.now();
    const reason = this.#skipReason(scenario);
    if (reason !== null) return this.#result(scenario, "skipped", reason, 0);
    try {
      const stage = await this.#openStage();
      await scenario.play(stage);
      const ms = performance.now() - begunAt;
      const channels = await stage.channels();
      await stage.clear();
      return { ...this.#result(scenario, "pass", "", ms), channels };
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      const result = this.#result(scenario, "fail", message, performance.now() - begunAt);
      this.#options.onFailure?.(result, (await this.#stage?.describe()) ?? "");
      await this.close();
      return result;
    }
  }

  async close(): Promise<void> {
    const stage = this.#stage;
    this.#stage = null;
    if (stage === null) return;
    await stage.close();
    openStages.delete(stage);
  }

  #skipReason(scenario: Scenario): string | null {
    const { kind, backend, program } = this.#part;
    if (program instanceof Error) return program.message;
    if (this.#options.signal?.aborted === true) return timeIsUp;
    return scenario.skip?.(kind, backend) ?? null;
  }

  async #openStage(): Promise<Stage> {
    const { kind, backend, program } = this.#part;
    if (program instanceof Error) throw program;
    if (this.#stage !== null) return this.#stage;
    const stage = await Stage.open({ kind, backend, program, databases: this.#options.databases });
    openStages.add(stage);
    this.#stage = stage;
    return stage;
  }

  #result({ name }: Scenario, outcome: Result["outcome"], reason: string, ms: number): Result {
    const { kind, backend } = this.#part;
    const [first = ""] = reason.split("\n");
    return {
      kind: kind.name,
      backend,
      scenario: name,
      outcome,
      reason: first,
      ms: Math.round(ms),
      channels: [],
    };
  }
}
