/** The questions asked of every look at a terminal, before the first byte and before Enter. Pure. */
import type { DeliverWakeOutput } from "../../machines/participant/ports.ts";
import type { TerminalView } from "../../runtime/terminal.ts";
import type { ScreenReading } from "./patterns.ts";

export interface Look {
  view: TerminalView;
  reading: ScreenReading;
  /** Epoch ms right after the terminal answered. */
  at: number;
}

export interface TypingRules {
  quietWindowMs: number;
  /** Passes the collision guards (person, draft, busy); never identity, dialog, history, unknown or shell. */
  force: boolean;
  /** A usage limit that the screen still shows is known to be over: then an input box below it is one. */
  limitIsOver?: boolean;
  /** Whether the text in the box is a line of ours that was never submitted. */
  isOwnText: (draft: string) => boolean;
}

export type Obstacle = Extract<DeliverWakeOutput, { verdict: "deferred" | "refused" }>;

/** Why nothing may be typed now, or null. The order matters: identity before danger before politeness. */
export function findObstacle(look: Look, rules: TypingRules): Obstacle | null {
  return hardObstacle(look, rules) ?? (rules.force ? null : collision(look, rules));
}

/** What no override passes. */
function hardObstacle({ view, reading }: Look, { limitIsOver }: TypingRules): Obstacle | null {
  if (!view.alive) return { verdict: "refused", reason: "terminalMissing" };
  if (reading.bareShell) return { verdict: "refused", reason: "bareShell" };
  if (view.inCopyMode) return deferred("readingHistory");
  // A usage limit is a notice of the agent that a blind Enter would answer, like a dialog.
  const isOver = limitIsOver === true && reading.draft !== null;
  if (reading.activity === "dialog" || (reading.activity === "limited" && !isOver))
    return deferred("dialogOpen");
  if (reading.activity === "unknown") return deferred("stateUnknown");
  return null;
}

function collision({ view, reading }: Look, rules: TypingRules): Obstacle | null {
  if (reading.activity === "busy") return deferred("agentBusy");
  // A touch of this very moment counts even without a quiet window: it could not be told from one after our paste.
  const quietWindowMs = Math.max(1, rules.quietWindowMs);
  if (view.humanIdleMs !== null && view.humanIdleMs < quietWindowMs) {
    return deferred("humanTyping", quietWindowMs - view.humanIdleMs);
  }
  const hasDraft = reading.draft !== null && reading.draft !== "";
  return hasDraft && !rules.isOwnText(reading.draft ?? "") ? deferred("draftPresent") : null;
}

function deferred(
  reason: Extract<Obstacle, { verdict: "deferred" }>["reason"],
  retryAfterMs: number | null = null,
) {
  return { verdict: "deferred", reason, retryAfterMs } as const satisfies Obstacle;
}

/** `ours`: only our text is in the box and nobody else touched it. `waiting`: it may still appear. `lost`: hands off. */
export type EnterPermission = "ours" | "waiting" | "lost";

export function mayPressEnter(
  look: Look,
  rules: TypingRules & { text: string; pastedAt: number },
): EnterPermission {
  if (hardObstacle(look, rules) !== null) return "lost";
  if (!rules.force && (look.reading.activity === "busy" || personTypedSince(look, rules.pastedAt)))
    return "lost";
  return holdsOwnText(look, rules) ? "ours" : "waiting";
}

/** Errs towards "yes": both clocks are read around the question, and a backend rounds towards now. */
export function personTypedSince({ view, at }: Look, since: number): boolean {
  return view.humanIdleMs !== null && view.humanIdleMs <= at - since;
}

/** With `force` a person's draft may stand around our text. */
export function holdsOwnText(
  { reading }: Look,
  rules: { text: string; force: boolean; isOwnText: TypingRules["isOwnText"] },
) {
  if (reading.draft === null) return false;
  if (rules.isOwnText(reading.draft)) return true;
  return rules.force && withoutSpace(reading.draft).includes(withoutSpace(rules.text));
}

/** Boxes wrap and indent, so white space does not count. */
export function sameText(a: string, b: string): boolean {
  return withoutSpace(a) === withoutSpace(b);
}

function withoutSpace(text: string): string {
  return text.replace(/\s+/g, "");
}
