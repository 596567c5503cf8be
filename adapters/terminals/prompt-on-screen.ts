/**
 * What a dialog asks and offers, read from the rendered screen. It is shown to a person who answers from afar, so whatever
 * is not on the screen as a whole, or does not read as expected, is not read at all. Pure.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { DialogKind, Prompt } from "../../machines/runtime/contract.ts";
import { printableLine } from "../../runtime/printable.ts";
import type { TerminalView } from "../../runtime/terminal.ts";
import { anyLine, linePattern, matchLine } from "./line-pattern.ts";

/** How a dialog stands on the screen: where its text begins and ends, its options, and the keys that choose them. */
export const promptPatterns = z.strictObject({
  /** Its first line. The topmost that fits counts, so that a quotation inside can hide nothing of what stands above it. */
  begin: linePattern,
  /** The line after its last one: the lowest that fits. Absent: it fills the screen to its last line. */
  end: linePattern.optional(),
  /** One option. Groups: the sign of the choice (blank where it does not stand), with `key` the option's key, its label. */
  option: linePattern,
  /** `key`: options are numbered from 1, and the number chooses. `select`: arrow keys move the sign, Enter chooses. */
  press: z.enum(["key", "select"]),
  /** A line which says that a part of it is not shown. */
  clipped: linePattern.optional(),
});
export type PromptPatterns = z.infer<typeof promptPatterns>;

/** A prompt with what is needed to answer it. */
export interface ScreenPrompt extends Prompt {
  press: PromptPatterns["press"];
  /** Where the sign of the choice stands, or null. */
  marked: string | null;
}

const maxTextBytes = 8 * 1024;
const maxOptions = 9;

/** Null when it is not on the screen as a whole. */
export function readPrompt(
  { lines }: TerminalView,
  kind: DialogKind,
  patterns: PromptPatterns,
): ScreenPrompt | null {
  const rows = rowsOf(lines, patterns);
  if (rows === null) return null;
  const found =
    patterns.press === "key" ? numberedOptions(rows, patterns) : selectableOptions(rows, patterns);
  if (found === null || found.length > maxOptions) return null;
  const options = found.map(({ option, label }) => ({ option, label }));
  const text = textOf(rows, found);
  if (Buffer.byteLength(text) > maxTextBytes) return null;
  const told = JSON.stringify([kind, patterns, text, options]);
  const fingerprint = createHash("sha256").update(told).digest("hex").slice(0, 32);
  const marked = found.find(({ isMarked }) => isMarked)?.option ?? null;
  return { fingerprint, text, options, press: patterns.press, marked };
}

function rowsOf(lines: readonly string[], { begin, end, clipped }: PromptPatterns): readonly string[] | null {
  const first = lines.findIndex((line) => matchLine(line, begin) !== null);
  const after =
    end === undefined
      ? lines.findLastIndex((line) => line.trim() !== "") + 1
      : lines.findLastIndex((line) => matchLine(line, end) !== null);
  if (first === -1 || after <= first) return null;
  const rows = lines.slice(first, after);
  return clipped !== undefined && anyLine(rows, clipped) ? null : rows;
}

interface OptionRow {
  row: number;
  option: string;
  label: string;
  isMarked: boolean;
}

/** From the last one up to number 1, without a gap: what stands above is the question, whatever it looks like. */
function numberedOptions(rows: readonly string[], patterns: PromptPatterns): OptionRow[] | null {
  const found: OptionRow[] = [];
  for (let row = rows.length - 1; row >= 0; row -= 1) {
    const match = matchLine(rows[row] ?? "", patterns.option);
    if (match === null) continue;
    const [, mark = "", option = "", label = ""] = match;
    const below = found[0];
    if (below !== undefined && Number(option) !== Number(below.option) - 1) return null;
    found.unshift({ row, option, label: printableLine(label), isMarked: mark.trim() !== "" });
    if (option === "1") return found;
  }
  return null;
}

/** The rows around the lowest one that bears the sign. */
function selectableOptions(rows: readonly string[], patterns: PromptPatterns): OptionRow[] | null {
  const matches = rows.map((line) => matchLine(line, patterns.option));
  const isMarked = (row: number): boolean => (matches[row]?.[1] ?? "").trim() !== "";
  const chosen = rows.findLastIndex((_, row) => isMarked(row));
  if (chosen === -1) return null;
  let first = chosen;
  while (first > 0 && matches[first - 1] !== null) first -= 1;
  let last = chosen;
  while (last < rows.length - 1 && matches[last + 1] !== null) last += 1;
  return matches.slice(first, last + 1).map((match, index) => ({
    ...{ row: first + index, option: String(index + 1) },
    ...{ label: printableLine(match?.[2] ?? ""), isMarked: isMarked(first + index) },
  }));
}

/** Without what moves while nothing changes (the sign of the choice), and rules at any width. */
function textOf(rows: readonly string[], options: readonly OptionRow[]): string {
  const plain = rows.map((line, row) => {
    const isMarked = options.some((each) => each.row === row && each.isMarked);
    const unmarked = isMarked ? line.replace(/^(\s*)\S/, "$1 ") : line;
    const indent = /^ */.exec(unmarked)?.[0] ?? "";
    return `${indent}${printableLine(unmarked)}`.trimEnd().replaceAll(/([─━═╌▔])\1\1+/g, "$1$1$1");
  });
  return plain
    .filter((line, row) => line !== "" || plain[row - 1] !== "")
    .join("\n")
    .replaceAll(/^\n+|\n+$/g, "");
}
