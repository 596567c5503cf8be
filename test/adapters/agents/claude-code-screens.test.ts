import { describe, expect, test } from "vitest";
import { claudeCodeScreens, recordedVersions } from "../../../adapters/agents/claude-code/screens.ts";
import { isWakeLine } from "../../../adapters/ports/wake-line.ts";
import { readScreen } from "../../../adapters/terminals/patterns.ts";
import type { TerminalView } from "../../../runtime/terminal.ts";
import { recordingsOf, versionsOf, viewOf } from "./recorded-screens.ts";

const recordings = recordingsOf("claude-code");

function find(name: string): TerminalView {
  const found = recordings.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no recording ${name}`);
  return viewOf(found);
}

describe("screens of Claude Code, recorded", () => {
  test.each(recordings)("$version: $name is $reading.activity", (recorded) => {
    const { prompt: _prompt, ...reading } = readScreen(viewOf(recorded), claudeCodeScreens);
    expect(reading).toEqual({ ...recorded.reading, bareShell: false });
  });

  test("every recorded version has its own screens", () => {
    expect(versionsOf("claude-code")).toEqual([...recordedVersions].toSorted());
  });

  test("a wake line that was never submitted is known as ours however the box wraps it", () => {
    expect(isWakeLine(readScreen(find("draft-wake-line"), claudeCodeScreens).draft ?? "")).toBe(true);
  });

  test("a dialog that is quoted above the input box is no dialog", () => {
    const quoted = find("permission-bash").lines.filter((line) => line.trim() !== "");
    const idle = find("idle-manual");
    const box = idle.lines.findIndex((line) => line.startsWith("❯"));
    const withQuotation = (lines: readonly string[]) => [
      ...lines.slice(0, 3),
      ...quoted,
      ...lines.slice(box - 1),
    ];
    const view = {
      ...idle,
      lines: withQuotation(idle.lines),
      solidLines: withQuotation(idle.solidLines),
    };
    expect(readScreen(view, claudeCodeScreens)).toMatchObject({ activity: "idle", draft: "" });
  });

  test("an input box that is painted above a dialog does not hide the dialog", () => {
    const dialog = find("permission-bash");
    const painted = (lines: readonly string[]) => ["───", "❯\u00a0", "───", ...lines];
    const view = { ...dialog, lines: painted(dialog.lines), solidLines: painted(dialog.solidLines) };
    expect(readScreen(view, claudeCodeScreens)).toMatchObject({ activity: "dialog", dialog: "permission" });
  });
});
