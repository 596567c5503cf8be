import type { Planted } from "./planted/planted.ts";
import { run, type RunResult } from "./run.ts";

export interface Hunt {
  bug: Planted;
  /** Seeds tried until the bug was found, null when it was not. */
  seeds: number | null;
  result: RunResult | null;
  /** Violations that were reported on the way, of other invariants. */
  others: number[];
}

/** Runs seed after seed until the planted bug's own invariant is violated. */
export async function hunt(bug: Planted, mostSeeds: number): Promise<Hunt> {
  const others: number[] = [];
  for (let seed = 1; seed <= mostSeeds; seed += 1) {
    const result = await run({ seed, planted: bug.plant });
    if (result.violation === null) continue;
    if (result.violation.invariant === bug.invariant) return { bug, seeds: seed, result, others };
    others.push(result.violation.invariant);
  }
  return { bug, seeds: null, result: null, others };
}

export function huntTable(hunts: readonly Hunt[]): string {
  const rows = hunts.map(
    ({ bug, seeds }) => `| ${bug.invariant} | ${bug.name} | ${bug.sentence} | ${seeds ?? "not found"} |`,
  );
  return ["| Invariant | Planted bug | What is wrong | Seeds to find |", "|---|---|---|---|", ...rows].join(
    "\n",
  );
}
