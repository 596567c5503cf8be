import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { codexScreens, recordedVersions } from "../../../adapters/agents/codex/screens.ts";
import { readScreen } from "../../../adapters/terminals/patterns.ts";
import { parseCapturedScreen } from "../../../adapters/terminals/tmux/captured-screen.ts";
import type { TerminalView } from "../../../runtime/terminal.ts";

const recording = z.object({
  cursor: z.object({ row: z.int(), column: z.int() }),
  title: z.string(),
  foreground: z.string(),
  /** As `tmux capture-pane -p -e` printed it. */
  captured: z.string(),
  reading: z.object({
    activity: z.string(),
    dialog: z.string().optional(),
    draft: z.string().nullable().optional(),
  }),
});

const folder = join(import.meta.dirname, "../../fixtures/screens/codex");
const recordings = recordedVersions.flatMap((version) =>
  readdirSync(join(folder, version)).map((file) => ({
    version,
    name: basename(file, ".json"),
    ...recording.parse(JSON.parse(readFileSync(join(folder, version, file), "utf8"))),
  })),
);

function viewOf({ cursor, title, foreground, captured }: z.infer<typeof recording>): TerminalView {
  return {
    ...{ alive: true, cursor, title, foreground, ...parseCapturedScreen(captured) },
    ...{ inCopyMode: false, viewers: 0, humanIdleMs: null },
  };
}

describe("screens of Codex, recorded", () => {
  test.each(recordings)("$version: $name is $reading.activity", (recorded) => {
    expect(readScreen(viewOf(recorded), codexScreens)).toMatchObject({
      ...recorded.reading,
      bareShell: false,
    });
  });

  test("every recorded version has its own screens", () => {
    expect(readdirSync(folder).toSorted()).toEqual([...recordedVersions].toSorted());
  });

  test("a draft that begins like a choice keeps the line away: it is never an empty box", () => {
    const numbered = recordings.find(({ name }) => name === "draft");
    if (numbered === undefined) throw new Error("no recording");
    const captured = numbered.captured.replace("half a thought", "1. half a thought");
    const { activity, draft } = readScreen(viewOf({ ...numbered, captured }), codexScreens);
    expect([activity, draft]).not.toEqual(["idle", ""]);
  });
});
