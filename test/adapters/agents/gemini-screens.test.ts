import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { geminiScreens, recordedVersions } from "../../../adapters/agents/gemini/screens.ts";
import { isWakeLine } from "../../../adapters/ports/wake-line.ts";
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
    draft: z.string().nullable(),
  }),
});

const folder = join(import.meta.dirname, "../../fixtures/screens/gemini");
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

function find(name: string): TerminalView {
  const found = recordings.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no recording ${name}`);
  return viewOf(found);
}

describe("screens of Gemini CLI, recorded", () => {
  test.each(recordings)("$version: $name is $reading.activity", (recorded) => {
    expect(readScreen(viewOf(recorded), geminiScreens)).toEqual({
      ...recorded.reading,
      bareShell: false,
    });
  });

  test("every recorded version has its own screens", () => {
    expect(readdirSync(folder).toSorted()).toEqual([...recordedVersions].toSorted());
  });

  test("a wake line that was never submitted is known as ours however the box wraps it", () => {
    expect(isWakeLine(readScreen(find("draft-wake-line"), geminiScreens).draft ?? "")).toBe(true);
  });

  test("a prompt in the history is no input box, also while a dialog has its place", () => {
    const { lines } = find("permission-shell");
    expect(lines.some((line) => line.startsWith("> SHELL run"))).toBe(true);
    expect(readScreen(find("permission-shell"), geminiScreens).draft).toBeNull();
  });

  test("a dialog that is quoted above the input box is no dialog", () => {
    const idle = find("idle-fresh");
    const quoted = find("permission-shell").lines.filter((line) => line.startsWith("│"));
    const withQuotation = (lines: readonly string[]) => [...quoted, ...lines];
    const cursor = { ...idle.cursor, row: idle.cursor.row + quoted.length };
    const view = {
      ...{ ...idle, cursor },
      lines: withQuotation(idle.lines),
      solidLines: withQuotation(idle.solidLines),
    };
    expect(readScreen(view, geminiScreens)).toMatchObject({ activity: "idle", draft: "" });
  });
});
