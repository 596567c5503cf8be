import { describe, expect, test } from "vitest";
import { codexScreens, recordedVersions } from "../../../adapters/agents/codex/screens.ts";
import { readScreen } from "../../../adapters/terminals/patterns.ts";
import { recordingsOf, versionsOf, viewOf } from "./recorded-screens.ts";

const recordings = recordingsOf("codex");

describe("screens of Codex, recorded", () => {
  test.each(recordings)("$version: $name is $reading.activity", (recorded) => {
    expect(readScreen(viewOf(recorded), codexScreens)).toMatchObject({
      ...recorded.reading,
      bareShell: false,
    });
  });

  test("every recorded version has its own screens", () => {
    expect(versionsOf("codex")).toEqual([...recordedVersions].toSorted());
  });

  test("a draft that begins like a choice keeps the line away: it is never an empty box", () => {
    const numbered = recordings.find(({ name }) => name === "draft");
    if (numbered === undefined) throw new Error("no recording");
    const captured = numbered.captured.replace("half a thought", "1. half a thought");
    const { activity, draft } = readScreen(viewOf({ ...numbered, captured }), codexScreens);
    expect([activity, draft]).not.toEqual(["idle", ""]);
  });
});
