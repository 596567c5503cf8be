import { describe, expect, test } from "vitest";
import { Choices } from "./choices.ts";
import { hunt } from "./hunt.ts";
import { plantedBugs } from "./planted/list.ts";
import { failureReport, readMutes, writeMutes } from "./report.ts";
import { run } from "./run.ts";
import { shrink } from "./shrink.ts";

describe("a run", () => {
  test("is the same twice, down to every line and row", async () => {
    for (const seed of [7, 77, 777]) {
      const [one, other] = [await run({ seed }), await run({ seed })];
      expect({ ...other, lastLines: [] }).toEqual({ ...one, lastLines: [] });
      expect(one.steps).toBeGreaterThan(300);
    }
  });

  test("differs between seeds", async () => {
    const [one, other] = [await run({ seed: 1 }), await run({ seed: 2 })];
    expect(one.traceHash).not.toBe(other.traceHash);
  });
});

describe("a choice", () => {
  test("stays as it was when others are muted", () => {
    const [plain, muted] = [new Choices(5), new Choices(5, { a: [[0, 2]] })];
    const three = (choices: Choices, stream: string): number[] =>
      [1, 2, 3].map(() => choices.pick(stream, 1_000));
    expect(three(muted, "a")).toEqual([0, 0, 0]);
    three(plain, "a");
    expect(three(muted, "a")).toEqual(three(plain, "a"));
    expect(three(muted, "b")).toEqual(three(plain, "b"));
  });

  test("is muted in a command as it was in the run", () => {
    const mutes = {
      "author:ann": [
        [0, 3],
        [7, 7],
      ],
      order: [[2, 90]],
    } as const;
    expect(readMutes(writeMutes(mutes))).toEqual(mutes);
  });
});

describe("a planted bug", () => {
  const mostSeeds = 150;

  test.each(plantedBugs)(
    "of invariant $invariant, $name, is found by its own check",
    { timeout: 120_000 },
    async (bug) => {
      const { seeds, others } = await hunt(bug, mostSeeds);
      expect(seeds, `other violations: ${others.join(", ")}`).not.toBeNull();
    },
  );

  test("stands for every invariant", () => {
    const covered = new Set(plantedBugs.map(({ invariant }) => invariant));
    expect([...covered]).toEqual(Array.from({ length: 24 }, (_, index) => index + 1));
  });

  test("shrinks to a shorter run that a command replays", { timeout: 120_000 }, async () => {
    const bug = plantedBugs.find(({ name }) => name === "a fast clock");
    const found = (await hunt(bug!, mostSeeds)).result!;
    const options = { seed: found.seed, planted: bug!.plant };
    const small = await shrink(found, options, 40);
    expect(small.steps).toBeLessThan(found.chaosSteps);
    expect(small.mutes["fault"] ?? small.mutes["saboteur"]).toBeDefined();
    const again = await run({ ...options, mutes: readMutes(writeMutes(small.mutes)), steps: small.steps });
    expect(again.traceHash).toBe(small.result.traceHash);
    expect(failureReport(found, small)).toMatch(/violates invariant 10[\s\S]*npm run sim -- --seed \d+/);
  });
});
