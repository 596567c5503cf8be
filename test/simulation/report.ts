import type { Mutes } from "./choices.ts";
import type { RunResult } from "./run.ts";
import type { Shrunk } from "./shrink.ts";

/** What a person reads of runs. */

export function failureReport(found: RunResult, shrunk: Shrunk | null): string {
  const { result, mutes, steps } = shrunk ?? { result: found, mutes: {}, steps: found.chaosSteps };
  const size =
    shrunk === null ? "" : `shrunk from ${found.steps} to ${result.steps} steps in ${shrunk.tries} tries\n`;
  return [
    `seed ${found.seed} violates invariant ${result.violation?.invariant}: ${result.violation?.text}`,
    `${size}last steps (seconds, who, what):`,
    ...result.lastLines.map((line) => `  ${line}`),
    `replay: ${replayCommand(found.seed, mutes, steps === found.chaosSteps ? null : steps)}`,
  ].join("\n");
}

export function replayCommand(seed: number, mutes: Mutes, steps: number | null): string {
  const muted = writeMutes(mutes);
  const options = [
    ...(steps === null ? [] : [`--steps ${steps}`]),
    ...(muted === "" ? [] : [`--mute '${muted}'`]),
  ];
  return ["npm run sim --", `--seed ${seed}`, ...options, "--trace"].join(" ");
}

/** `fault=0-17,19-44;order=0-300`. */
export function writeMutes(mutes: Mutes): string {
  return Object.entries(mutes)
    .map(([stream, ranges]) => `${stream}=${ranges.map(([from, to]) => `${from}-${to}`).join(",")}`)
    .join(";");
}

export function readMutes(text: string): Mutes {
  const entries = text.split(";").filter((part) => part !== "");
  return Object.fromEntries(
    entries.map((part) => {
      const [stream = "", ranges = ""] = part.split("=");
      return [stream, ranges.split(",").map((range) => readRange(range))];
    }),
  );
}

function readRange(text: string): [number, number] {
  const [from = 0, to = from] = text.split("-").map(Number);
  return [from, to];
}

export interface Summary {
  seeds: number;
  passed: number;
  failed: { seed: number; invariant: number; text: string }[];
  seconds: number;
  seedsPerSecond: number;
  steps: number;
  /** Virtual. */
  hours: number;
  faults: Record<string, number>;
  outcomes: Record<string, number>;
  states: string[];
}

export class Tally {
  readonly #summary: Summary = {
    ...{ seeds: 0, passed: 0, failed: [], seconds: 0, seedsPerSecond: 0, steps: 0, hours: 0 },
    ...{ faults: {}, outcomes: {}, states: [] },
  };
  readonly #states = new Set<string>();
  readonly #startedAt = performance.now();

  add(result: RunResult): void {
    const summary = this.#summary;
    summary.seeds += 1;
    if (result.violation === null) summary.passed += 1;
    else summary.failed.push({ seed: result.seed, ...result.violation });
    summary.steps += result.steps;
    summary.hours += result.durationMs / 3_600_000;
    addCounts(summary.faults, result.faults);
    addCounts(summary.outcomes, result.outcomes);
    for (const state of result.states) this.#states.add(state);
  }

  summary(): Summary {
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    const seedsPerSecond = Number((this.#summary.seeds / seconds).toFixed(1));
    return { ...this.#summary, seconds, seedsPerSecond, states: [...this.#states].toSorted() };
  }
}

export function summaryText(summary: Summary): string {
  const list = (counts: Record<string, number>): string =>
    Object.entries(counts)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, count]) => `${name} ${count}`)
      .join(", ");
  return [
    `${summary.passed} of ${summary.seeds} seeds passed, ${summary.seedsPerSecond} a second, ${summary.steps} steps, ${summary.hours.toFixed(1)} virtual hours`,
    `faults: ${list(summary.faults)}`,
    `outcomes: ${list(summary.outcomes)}`,
    `${summary.states.length} states: ${summary.states.join(" ")}`,
    ...summary.failed.map(
      ({ seed, invariant, text }) => `FAILED seed ${seed}, invariant ${invariant}: ${text}`,
    ),
  ].join("\n");
}

function addCounts(into: Record<string, number>, counts: Readonly<Record<string, number>>): void {
  for (const [name, count] of Object.entries(counts)) into[name] = (into[name] ?? 0) + count;
}
