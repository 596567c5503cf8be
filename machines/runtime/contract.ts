/** What other parts know about a managed runtime. Free of XState, so that adapters may import it. */

export const terminalBackends = ["tmux", "pty", "scripted"] as const;
export type TerminalBackend = (typeof terminalBackends)[number];

export const dialogKinds = ["permission", "trust", "login", "update"] as const;
export type DialogKind = (typeof dialogKinds)[number];

/** What a terminal's agent is doing, read from its best source. `unknown` is not idle: nothing is typed. */
export const activities = ["unknown", "idle", "busy", "humanTyping", "dialog", "limited"] as const;
export type Activity = (typeof activities)[number];

export interface PromptOption {
  /** As it is named in an answer: its number in the dialog. */
  option: string;
  label: string;
}

/** What a dialog asks, as its terminal shows it: text of others, stripped of controls and bounded, never to be trusted. */
export interface Prompt {
  /** 32 hex digits over all that is shown here, the kind of the dialog and the patterns that read it. */
  fingerprint: string;
  /** The dialog's lines, its options included. */
  text: string;
  options: readonly PromptOption[];
}

export interface Observation {
  activity: Activity;
  /** Set when activity is `dialog`. */
  dialog?: DialogKind;
  /** Set when activity is `dialog`, and the dialog is one that an operator may answer and stands on the screen as a whole. */
  prompt?: Prompt;
  /** Epoch ms; set when activity is `limited` and the screen tells the reset time. */
  limitedUntil?: number;
}

/** Where a runtime stands, as its participants see it. */
export const runtimeStates = [
  "registered",
  "launching",
  "unknown",
  "idle",
  "busy",
  "humanTyping",
  "dialog",
  "limited",
  "stale",
  "dead",
  "crashLooping",
  "deregistered",
] as const;
export type RuntimeState = (typeof runtimeStates)[number];

/** What became of an operator's answer. `unconfirmed`: the key may have been pressed; only a person looks again and decides. */
export const answerOutcomes = ["pending", "answered", "unconfirmed", "refused"] as const;
export type AnswerOutcome = (typeof answerOutcomes)[number];

/** Why no key was pressed. */
export const answerRefusals = [
  "promptChanged",
  "humanTyping",
  "readingHistory",
  "injectionPaused",
  "unmanaged",
  "terminalMissing",
  "identityMismatch",
  "bareShell",
  "tooLate",
  "portFailed",
] as const;
export type AnswerRefusal = (typeof answerRefusals)[number];

/** An operator's answer to a dialog. */
export interface Answer {
  fingerprint: string;
  option: string;
  /** As the dialog calls the option. */
  label: string;
  by: string;
  /** Epoch ms. */
  at: number;
  outcome: AnswerOutcome;
  /** Set when the outcome is `refused`. */
  refusal: AnswerRefusal | null;
  /** Epoch ms; null while it is pending. */
  settledAt: number | null;
}

export type Management = "managed" | "unmanaged";
export type Injection = "open" | "paused";

/** The report a runtime publishes on its agent's topic at every change. */
export interface RuntimeFacts {
  runtimeId: string;
  agentId: string;
  host: string;
  backend: TerminalBackend | null;
  management: Management;
  injection: Injection;
  state: RuntimeState;
  dialog: DialogKind | null;
  /** Epoch ms of the usage limit's reset, when known. */
  limitedUntil: number | null;
  sessionId: string | null;
  /** Why it is stale or dead, one sentence; null while it lives. */
  detail: string | null;
}

export const launchPurposes = ["start", "resume", "spawn"] as const;
export type LaunchPurpose = (typeof launchPurposes)[number];

/** How a runtime's process comes to life. */
export interface LaunchPlan {
  purpose: LaunchPurpose;
  /** The agent's own session to resume, or null. */
  sessionId: string | null;
  /** First prompt handed to the agent (the wake line, or the thread summary), or null. */
  prompt: string | null;
}
