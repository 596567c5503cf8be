import { checksNotOurs, needsSession, notOurs } from "./exceptions.ts";
import type { Check, Revision, ScenarioRun } from "./suite.ts";

export interface Verdict {
  scenario: string;
  revision: Revision;
  result: "pass" | "fail" | "not applicable";
  /** Failed checks, or the reason for not being applicable, or what a pass leaves out. */
  note: string;
}

/** The runs of one revision's required scenarios. */
export interface Runs {
  revision: Revision;
  required: readonly string[];
  runs: readonly ScenarioRun[];
}

/** Our wiring around the fixture: every scenario applies. `sessions` holds the runs with sessions, if any. */
export function judgeFixture(
  { revision, required, runs }: Runs,
  sessions: readonly ScenarioRun[] | null,
): Verdict[] {
  return required.map((scenario) => {
    const isWithSession = sessions !== null && needsSession.includes(scenario);
    const run = (isWithSession ? sessions : runs).find((one) => one.scenario === scenario);
    return judged(revision, scenario, run, isWithSession ? "with a fixture that holds sessions" : "");
  });
}

/** Our own server: what it does not offer does not apply, and is named. */
export function judgeServer({ revision, required, runs }: Runs): Verdict[] {
  return required.map((scenario) => {
    const run = runs.find((one) => one.scenario === scenario);
    const reason = notOurs[revision][scenario];
    if (reason === undefined) return judged(revision, scenario, run, "");
    // What passes is no exception any more.
    const isStale = run !== undefined && failed(run.checks).length === 0;
    if (isStale) return { scenario, revision, result: "fail", note: `passes, and is named as: ${reason}` };
    return { scenario, revision, result: "not applicable", note: reason };
  });
}

function judged(revision: Revision, scenario: string, run: ScenarioRun | undefined, note: string): Verdict {
  if (run === undefined) return { scenario, revision, result: "fail", note: "was not run" };
  const bad = failed(run.checks);
  const excused = bad.filter(({ id }) => checksNotOurs[id] !== undefined);
  const failures = bad.filter((check) => !excused.includes(check));
  if (failures.length > 0) {
    const names = failures.map(({ id, message }) => `${id}: ${message ?? ""}`).join("; ");
    return { scenario, revision, result: "fail", note: names };
  }
  const without = excused.map(({ id }) => `without ${id}: ${checksNotOurs[id] ?? ""}`);
  return { scenario, revision, result: "pass", note: [note, ...without].filter(Boolean).join("; ") };
}

/** A warning counts: a check that could not be made says nothing. */
function failed(checks: readonly Check[]): Check[] {
  return checks.filter(({ status }) => status === "FAILURE" || status === "WARNING");
}
