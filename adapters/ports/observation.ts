import type { Observation } from "../../machines/runtime/contract.ts";
import type { TerminalView } from "../../runtime/terminal.ts";
import type { SettledReading } from "../terminals/patterns.ts";
import { isWakeLine } from "./wake-line.ts";

export interface ObservationRules {
  /** A person's last key stroke counts as presence for this long. */
  quietWindowMs: number;
  /** Idle and drafts must stand still for this long before they count. */
  settleMs: number;
  now: number;
}

/** What a look tells the runtime's chart; null while it must be looked at once more. Pure. */
export function observe(
  { reading, since }: SettledReading,
  view: TerminalView,
  { quietWindowMs, settleMs, now }: ObservationRules,
): Observation | null {
  const { activity, dialog, draft, bareShell } = reading;
  if (bareShell) return { activity: "unknown" };
  if (activity === "dialog") return dialog === undefined ? { activity: "unknown" } : { activity, dialog };
  if (activity !== "idle") return { activity };
  if (view.humanIdleMs !== null && view.humanIdleMs < quietWindowMs) return { activity: "humanTyping" };
  if (now - since < settleMs) return null;
  // A person's unsent draft is a person; a wake line of ours that was never submitted is not.
  const isForeignDraft = draft !== null && draft !== "" && !isWakeLine(draft);
  return { activity: isForeignDraft ? "humanTyping" : "idle" };
}
