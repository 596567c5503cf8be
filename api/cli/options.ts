import { InvalidArgumentError, Option } from "commander";
import { parseDuration } from "./render/time.ts";

/** Options that several commands share, and how values are read. */

export function integer(least: number, most = Number.MAX_SAFE_INTEGER): (text: string) => number {
  return (text) => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= least && value <= most) return value;
    throw new InvalidArgumentError(
      most === Number.MAX_SAFE_INTEGER
        ? `It must be a whole number from ${least}.`
        : `It must be a whole number from ${least} to ${most}.`,
    );
  };
}

export function durationMs(text: string): number {
  const value = parseDuration(text);
  if (value !== null && value > 0) return value;
  throw new InvalidArgumentError("It must be a time such as 90s, 15m, 1.5h or 2d.");
}

/** A time in ISO 8601, or an age such as 2h, which becomes its milliseconds: what is now, the command knows. */
export const moment = (flags: string, description: string) =>
  new Option(flags, description).argParser((text) => {
    const ageMs = parseDuration(text);
    if (ageMs !== null && ageMs > 0) return String(Math.round(ageMs));
    const at = /^\d{4}-\d{2}-\d{2}(?:$|T)/.test(text) ? Date.parse(text) : Number.NaN;
    if (!Number.isNaN(at)) return new Date(at).toISOString();
    throw new InvalidArgumentError(
      "It must be a time such as 2026-01-31T08:00Z, or an age such as 15m, 2h or 7d.",
    );
  });

export const limit = () =>
  new Option("--limit <rows>", "rows per page, at most 100").argParser(integer(1, 100));
export const cursor = () => new Option("--cursor <cursor>", "continue where the page before ended");
export const reason = () => new Option("--reason <text>", "why; kept in the audit");
export const requiredReason = () => reason().makeOptionMandatory();

export interface Paged {
  limit?: number;
  cursor?: string;
}
