import type { Observation } from "../../machines/runtime/contract.ts";
import type { TerminalView } from "../../runtime/terminal.ts";
import type { ScreenReading, SettledReading } from "../terminals/patterns.ts";
import type { ToldReport } from "./program-source.ts";
import { isWakeLine } from "./wake-line.ts";

export interface ObservationRules {
  /** A person's last key stroke counts as presence for this long. */
  quietWindowMs: number;
  /** Idle and drafts must stand still for this long before they count. */
  settleMs: number;
  /** What the program itself told last, or null. */
  told: ToldReport | null;
  /** Whether only the terminal can carry wakes: then an unsent draft keeps them away, and so does a missing input box. */
  onlyTyped: boolean;
  now: number;
}

/** A screen that contradicts an older report than this is right: the program's own word has dried up. */
const trustedMs = 30_000;

/** A turn that was told so long ago, beside a screen that says nothing, is no turn that anybody can vouch for. */
const unprovenTurnMs = 600_000;

/** What a look tells the runtime's chart; null while it must be looked at once more. Pure. */
export function observe(
  { reading, since }: SettledReading,
  view: TerminalView,
  { quietWindowMs, settleMs, told, onlyTyped, now }: ObservationRules,
): Observation | null {
  const { draft, bareShell } = reading;
  if (bareShell) return { activity: "unknown" };
  const state = merge(reading, told, now);
  if (state.activity === "dialog" && state.dialog === undefined) return { activity: "unknown" };
  if (state.activity !== "idle") return state;
  if (onlyTyped && reading.activity === "dialog") return shownBy(reading);
  if (onlyTyped && draft === null) return { activity: "unknown" };
  if (view.humanIdleMs !== null && view.humanIdleMs < quietWindowMs) return { activity: "humanTyping" };
  if (now - since < settleMs) return null;
  // A person's unsent draft is a person; a wake line of ours that was never submitted is not.
  const isForeignDraft = draft !== null && draft !== "" && !isWakeLine(draft);
  return { activity: onlyTyped && isForeignDraft ? "humanTyping" : "idle" };
}

/** The program's own word counts before its screen, while it is fresh. */
function merge(reading: ScreenReading, told: ToldReport | null, now: number): Observation {
  const { activity } = reading;
  const shown = shownBy(reading);
  if (told === null) return shown;
  const { report, at } = told;
  if (report.activity === "unknown" || report.activity === "humanTyping") return shown;
  const isContradicted = activity !== "unknown" && activity !== report.activity;
  if (isContradicted && now - at >= trustedMs) return shown;
  if (report.activity === "busy" && activity === "unknown" && now - at >= unprovenTurnMs) return shown;
  // A turn that waits for an answer, or for its limit to end, runs on, as far as most sources can tell.
  if (report.activity === "busy" && (activity === "dialog" || activity === "limited")) return shown;
  // Some programs tell that a dialog is open, but not which; none tells what it asks.
  const dialog = report.dialog ?? (report.activity === "dialog" ? reading.dialog : undefined);
  const prompt = dialog === reading.dialog ? shown.prompt : undefined;
  return {
    activity: report.activity,
    ...(dialog === undefined ? {} : { dialog }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(report.limitedUntil === undefined ? {} : { limitedUntil: report.limitedUntil }),
  };
}

function shownBy({ activity, dialog, prompt }: ScreenReading): Observation {
  if (dialog === undefined) return { activity };
  if (prompt === undefined) return { activity, dialog };
  const { fingerprint, text, options } = prompt;
  return { activity, dialog, prompt: { fingerprint, text, options } };
}
