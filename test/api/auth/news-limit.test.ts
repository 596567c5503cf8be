import { describe, expect, test } from "vitest";
import { NewsLimit } from "../../../api/auth/news-limit.ts";
import { ManualClock } from "../../manual-clock.ts";

describe("what of many refusals is written down", () => {
  const open = () => {
    const written: string[] = [];
    const limit = new NewsLimit(new ManualClock());
    const disk = Promise.withResolvers<void>();
    const note = (key: string) =>
      limit.note(key, async () => {
        written.push(key);
        await disk.promise;
      });
    return { written, disk, note };
  };

  test("of a flood that comes before the first row is written, no more than of a slow one", async () => {
    const { written, disk, note } = open();
    const noted = Array.from({ length: 200 }, (_, index) => note(`kind ${index}`));
    disk.resolve();
    expect((await Promise.all(noted)).filter(Boolean)).toHaveLength(60);
    expect(written).toHaveLength(60);
  });

  test("of one kind one row, and all who came meanwhile hear that it could not be written", async () => {
    const { written, disk, note } = open();
    const noted = [note("same"), note("same")];
    disk.reject(new Error("planted"));
    const outcomes = await Promise.allSettled(noted);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await expect(note("same")).rejects.toThrow("planted");
    expect(written).toEqual(["same", "same"]);
  });
});
