import { checkSubject, type ChartReport } from "../../../runtime/model/check.ts";
import { distinct, finding } from "../../../runtime/model/findings.ts";
import type { LoadedSubject } from "./load.ts";
import { trapping } from "./traps.ts";

export interface CheckedChart extends ChartReport {
  /** No errors; when strict also no warnings, and everything reached and taken. */
  holds: boolean;
}

export function checkLoaded(
  subject: LoadedSubject,
  { limit, strict }: { limit: number | undefined; strict: boolean },
): CheckedChart {
  const { result, uses } = trapping(() => checkSubject(subject, limit === undefined ? {} : { limit }));
  const impure = uses.map((use) => finding("impure", subject.machine.id, use));
  const findings = distinct([...result.findings, ...impure]);
  const isShown =
    result.states.every(({ reached }) => reached) && result.transitions.every(({ covered }) => covered);
  const holds = strict
    ? findings.length === 0 && isShown
    : findings.every(({ severity }) => severity === "warning");
  return { ...result, findings, holds };
}
