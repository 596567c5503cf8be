/** Regular expressions over one line of a screen. Patterns come from users and screens from agents, so they run in linear time. */
import { setFlagsFromString } from "node:v8";
import { z } from "zod";

// V8's linear engine (flag `l`) refuses what could backtrack.
setFlagsFromString("--enable-experimental-regexp-engine");

const maxPatternLength = 300;
const maxLineLength = 1_000;

/** A regular expression without look-around, back references, `{n,m}` and flags; one line of the screen is its subject. */
export const linePattern = z
  .string()
  .min(1)
  .max(maxPatternLength)
  .refine(isLinear, "is not a regular expression that runs in linear time");

export function matchLine(line: string, source: string): RegExpExecArray | null {
  return compile(source).exec(line.slice(0, maxLineLength));
}

export function anyLine(lines: readonly string[], source: string): boolean {
  return lines.some((line) => matchLine(line, source) !== null);
}

const compiled = new Map<string, RegExp>();

function compile(source: string): RegExp {
  const known = compiled.get(source);
  if (known !== undefined) return known;
  const expression = new RegExp(source, "l");
  compiled.set(source, expression);
  return expression;
}

function isLinear(source: string): boolean {
  try {
    return new RegExp(source, "l").flags.includes("l");
  } catch {
    return false;
  }
}
