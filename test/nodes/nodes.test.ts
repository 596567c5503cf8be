import { expect, test } from "vitest";
import { allAtOnce } from "./faults.ts";
import { Rounds } from "./rounds.ts";
import { clocks, openScene } from "./scene.ts";

test(
  "three nodes lose and double nothing while one is cut off, one stopped and one killed, and the database crashes",
  { timeout: 180_000 },
  async () => {
    const scene = await openScene(clocks((text) => console.warn(text)));
    try {
      await scene.traffic.start();
      const figures = await new Rounds(scene).play(allAtOnce);
      expect(figures.problems).toEqual([]);
      expect(figures.acknowledged).toBeGreaterThan(0);
      expect(figures.wakes).toBeGreaterThan(0);
    } finally {
      await scene.close();
    }
  },
);
