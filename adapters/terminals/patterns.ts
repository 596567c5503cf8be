/** How a screen of the `generic` agent kind is read: patterns are data, reading is pure. */
import { z } from "zod";
import { type Activity, type DialogKind, dialogKinds } from "../../machines/runtime/contract.ts";
import type { TerminalView } from "../../runtime/terminal.ts";
import { anyLine, linePattern as pattern, matchLine } from "./line-pattern.ts";
import { knownShells } from "./process-table.ts";
import { promptPatterns, readPrompt, type ScreenPrompt } from "./prompt-on-screen.ts";

export const agentPatterns = z.strictObject({
  /** The line of the input box. Its first group captures the text in the box; ghost text is blank there. */
  prompt: pattern,
  /** First line below the box. Absent, or not on the screen: the box ends at the cursor's line. */
  boxEnd: pattern.optional(),
  /**
   * For a box with a frame on its left that grows upwards: all lines directly above `boxEnd` that match `prompt` are its
   * own, the last of which is a label that matches this. With another label it is no box for prompts.
   */
  frameLabel: pattern.optional(),
  busy: pattern.optional(),
  dialogs: z
    .array(
      z.strictObject({
        kind: z.enum(dialogKinds),
        pattern,
        /** While it is open there is no input box below it: what looks like it above a box is a quotation. */
        replacesBox: z.boolean().optional(),
        /** How its question and its options stand on the screen. Absent: it is answered in the terminal only. */
        prompt: promptPatterns.optional(),
      }),
    )
    .max(32)
    .default([]),
  limited: pattern.optional(),
  /** Foreground programs that mean that the agent is not there. Empty for an agent that is a shell script itself. */
  shells: z
    .array(z.string().max(64))
    .max(32)
    .default([...knownShells]),
  /** Only this many lines at the bottom of the screen are read, so that quoted history is not mistaken for state. */
  tailLines: z.number().int().min(1).max(200).default(40),
});
export type AgentPatterns = z.infer<typeof agentPatterns>;

/** What one look at a screen says. */
export interface ScreenReading {
  activity: Exclude<Activity, "humanTyping">;
  /** Set when activity is `dialog`. */
  dialog?: DialogKind;
  /** Set when it is one that may be answered and stands on the screen as a whole. */
  prompt?: ScreenPrompt;
  /** Text in the input box, `""` when it is empty, null when no box is on the screen. */
  draft: string | null;
  /** A plain shell is in front: typing would run commands. */
  bareShell: boolean;
}

export type ScreenReader = (view: TerminalView) => ScreenReading;

export function createScreenReader(patterns: AgentPatterns): ScreenReader {
  return (view) => readScreen(view, patterns);
}

/** Anything not recognised is `unknown`, which is not idle. */
export function readScreen(view: TerminalView, patterns: AgentPatterns): ScreenReading {
  const bareShell = patterns.shells.includes(view.foreground);
  if (!view.alive) return { activity: "unknown", draft: null, bareShell };
  const lines = tailOf(view.lines, patterns.tailLines);
  const box = findBox(view, patterns);
  const draft = box?.draft ?? null;
  const belowBox = box === null ? lines : view.lines.slice(box.row + 1);
  const dialog = patterns.dialogs.find(({ pattern: source, replacesBox }) =>
    anyLine(replacesBox === true ? belowBox : lines, source),
  );
  if (dialog !== undefined) {
    const prompt = dialog.prompt === undefined ? null : readPrompt(view, dialog.kind, dialog.prompt);
    const asks = prompt === null ? {} : { prompt };
    return { activity: "dialog", dialog: dialog.kind, ...asks, draft, bareShell };
  }
  return { activity: activityOf(lines, draft, patterns), draft, bareShell };
}

function activityOf(lines: readonly string[], draft: string | null, patterns: AgentPatterns) {
  if (patterns.limited !== undefined && anyLine(lines, patterns.limited)) return "limited";
  if (patterns.busy !== undefined && anyLine(lines, patterns.busy)) return "busy";
  return draft === null ? "unknown" : "idle";
}

interface InputBox {
  row: number;
  draft: string;
}

/** The lowest one on the screen. */
function findBox(view: TerminalView, patterns: AgentPatterns): InputBox | null {
  const end = lastFilledRow(view.lines);
  const start = Math.max(0, end - patterns.tailLines + 1);
  if (patterns.frameLabel !== undefined) return findFramedBox(view, patterns, { start, end });
  for (let row = end; row >= start; row -= 1) {
    const first = boxLine(view, row, patterns.prompt);
    if (first === null) continue;
    const shown = startsGhost(view, row, first) ? "" : first;
    return { row, draft: draftOf([shown, ...boxLinesBelow(view, row, patterns.boxEnd)]) };
  }
  return null;
}

function findFramedBox(
  view: TerminalView,
  { prompt, boxEnd = "", frameLabel = "" }: AgentPatterns,
  { start, end }: { start: number; end: number },
): InputBox | null {
  const lines = view.lines.slice(0, end + 1);
  const row = lines.findLastIndex((line, index) => index >= start && matchLine(line, boxEnd) !== null);
  if (row === -1 || matchLine(lines[row - 1] ?? "", frameLabel) === null) return null;
  return { row, draft: draftOf(framedLinesAbove(view, row - 1, prompt)) };
}

/** What stands in this line of the box; null when it is none. */
function boxLine({ solidLines }: TerminalView, row: number, prompt: string): string | null {
  // Lines are trimmed, so an empty box lost the space after its prompt sign.
  const match = matchLine(`${solidLines[row] ?? ""} `, prompt);
  return match === null ? null : (match[1] ?? "");
}

function framedLinesAbove(view: TerminalView, endRow: number, prompt: string): string[] {
  const found: string[] = [];
  for (let row = endRow - 1; row >= 0; row -= 1) {
    const text = boxLine(view, row, prompt);
    if (text === null) break;
    found.unshift(text);
  }
  return found;
}

function draftOf(lines: readonly string[]): string {
  return lines
    .map((line) => line.trim())
    .join("\n")
    .trim();
}

/** A drawn cursor shows the first letter of ghost text solid; a letter that a person typed stands before the cursor. */
function startsGhost({ lines, solidLines, cursor }: TerminalView, row: number, text: string): boolean {
  const solid = solidLines[row] ?? "";
  if (cursor.row !== row || text.trim().length !== 1 || cursor.column !== solid.length - 1) return false;
  return (lines[row] ?? "").length > solid.length;
}

function boxLinesBelow(view: TerminalView, promptRow: number, boxEnd: string | undefined): string[] {
  const toCursor = view.solidLines.slice(promptRow + 1, view.cursor.row + 1);
  if (boxEnd === undefined) return toCursor;
  const below = view.solidLines.slice(promptRow + 1);
  const end = below.findIndex((line, index) => {
    return (
      matchLine(line, boxEnd) !== null || matchLine(view.lines[promptRow + 1 + index] ?? "", boxEnd) !== null
    );
  });
  // A footer that changed or found no room must not hide the rest of a draft.
  return end === -1 ? toCursor : below.slice(0, end);
}

function tailOf(lines: readonly string[], count: number): readonly string[] {
  const end = lastFilledRow(lines);
  return lines.slice(Math.max(0, end - count + 1), end + 1);
}

function lastFilledRow(lines: readonly string[]): number {
  return lines.findLastIndex((line) => line.trim() !== "");
}

/** A reading that has lasted. */
export interface SettledReading {
  reading: ScreenReading;
  /** Epoch ms at which this very reading was first seen. */
  since: number;
  activity: ScreenReading["activity"];
}

/**
 * Idle needs two equal readings at least `apartMs` apart; until then the former activity stands, at first `unknown`.
 * Everything else counts at once.
 */
export function settle(
  previous: SettledReading | null,
  reading: ScreenReading,
  now: number,
  apartMs = 300,
): SettledReading {
  const isSame = previous !== null && sameReading(previous.reading, reading);
  const since = isSame ? previous.since : now;
  if (reading.activity !== "idle") return { reading, since, activity: reading.activity };
  const hasLasted = isSame && now - since >= apartMs;
  return { reading, since, activity: hasLasted ? "idle" : unsettled(previous) };
}

function unsettled(previous: SettledReading | null): ScreenReading["activity"] {
  return previous?.activity ?? "unknown";
}

function sameReading(a: ScreenReading, b: ScreenReading): boolean {
  return (
    a.activity === b.activity && a.dialog === b.dialog && a.draft === b.draft && a.bareShell === b.bareShell
  );
}
