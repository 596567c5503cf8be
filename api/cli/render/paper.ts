import { styleText } from "node:util";
import type { Surroundings } from "../surroundings.ts";

/** What views are drawn on. */
export interface Paper {
  /** Epoch ms that times are told from. */
  now: number;
  hasColor: boolean;
  /** 0: no limit. */
  columns: number;
}

export type Tone = "plain" | "strong" | "faint" | "good" | "bad" | "warning";

const formats = {
  strong: "bold",
  faint: "dim",
  good: "green",
  bad: "red",
  warning: "yellow",
} as const;

export function paperOf({ environment, isTerminal, columns, now }: Surroundings): Paper {
  const noColor = environment["NO_COLOR"];
  const hasColor = isTerminal && (noColor === undefined || noColor === "") && environment["TERM"] !== "dumb";
  return { now: now(), hasColor, columns };
}

export function paint({ hasColor }: Paper, tone: Tone, text: string): string {
  if (!hasColor || tone === "plain") return text;
  return styleText(formats[tone], text, { validateStream: false });
}

const tones: Readonly<Record<string, Tone>> = {
  blocked: "bad",
  dead: "bad",
  crashLooping: "bad",
  refused: "bad",
  failed: "bad",
  uncertain: "warning",
  paused: "warning",
  stale: "warning",
  deferred: "warning",
  dialog: "warning",
  limited: "warning",
  humanTyping: "warning",
  idle: "good",
  read: "good",
  open: "good",
  caughtUp: "good",
  active: "good",
};

/** How a state's name is painted. */
export function toneOf(state: string): Tone {
  return tones[state] ?? "plain";
}
