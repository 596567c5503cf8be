import { expect, test } from "vitest";
import { failureReport } from "./report.ts";
import { run } from "./run.ts";
import { shrink } from "./shrink.ts";

const atOnce = 25;

/** Two files of tests run side by side, each with half of the seeds. */
export function describeSeeds(first: number, last: number): void {
  for (let from = first; from <= last; from += atOnce) {
    const to = Math.min(last, from + atOnce - 1);
    test(`seeds ${from} to ${to} keep every invariant`, { timeout: 120_000 }, async () => {
      for (let seed = from; seed <= to; seed += 1) {
        const result = await run({ seed });
        if (result.violation === null) continue;
        expect.fail(failureReport(result, await shrink(result, { seed }, 40)));
      }
    });
  }
}
