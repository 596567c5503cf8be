import type { RoundReport } from "./suite.ts";
import { type SeamName, seams } from "./seams.ts";

export interface SeamFigures {
  seam: SeamName;
  rounds: number;
  /** Rounds in which the process died there. */
  deaths: number;
  /** Rounds without any problem. */
  recovered: number;
  /** Rounds in which a wake ended visibly blocked and a person released it. */
  blocked: number;
  /** From the kill to the next committed turn, the restart of the process included. */
  recoveryP50Ms: number;
  recoveryMaxMs: number;
}

/** One line a seam, in the order given. */
export function figuresOf(names: readonly SeamName[], reports: readonly RoundReport[]): SeamFigures[] {
  return names.map((seam) => {
    const own = reports.filter((report) => report.seam === seam);
    const recoveryMs = own.flatMap((report) => report.recoveryMs).toSorted((a, b) => a - b);
    return {
      seam,
      rounds: own.length,
      deaths: own.filter(({ deaths }) => deaths.includes(seam)).length,
      recovered: own.filter(({ problems }) => problems.length === 0).length,
      blocked: own.filter(({ blocked }) => blocked > 0).length,
      recoveryP50Ms: Math.round(recoveryMs[Math.floor(recoveryMs.length / 2)] ?? Number.NaN),
      recoveryMaxMs: Math.round(recoveryMs.at(-1) ?? Number.NaN),
    };
  });
}

/** Rows of the table in docs/reliability.md. */
export function markdownOf(figures: readonly SeamFigures[]): string {
  const rows = figures.map(({ seam, rounds, deaths, recovered, blocked, recoveryP50Ms, recoveryMaxMs }) => {
    const { moment, outcome } = seams[seam];
    const result = `${deaths} of ${rounds} died, ${recovered} recovered, ${blocked} blocked`;
    const cells = [`\`${seam}\``, moment, outcome, result, `${recoveryP50Ms} / ${recoveryMaxMs}`];
    return `| ${cells.join(" | ")} |`;
  });
  const head =
    "| Seam | Moment of the kill | Expected | Result | p50 / max ms |\n| --- | --- | --- | --- | --- |";
  return [head, ...rows].join("\n");
}

/** Everything that makes the suite fail, each with the command that shows it again. */
export function failuresOf(figures: readonly SeamFigures[], reports: readonly RoundReport[]): string[] {
  const unreached = figures.filter(({ deaths }) => deaths === 0);
  const broken = reports.filter(({ problems }) => problems.length > 0);
  return [
    ...unreached.map(({ seam }) => `${seam}: no process ever died there`),
    ...broken.map(
      ({ seam, round, passing, seed, problems }) =>
        `${seam}, round ${round}, passing ${passing} (npm run seams -- --seam ${seam} --seed ${seed}):\n  ${problems.join("\n  ")}`,
    ),
  ];
}
