import { chartFixes } from "../chart-fixes.ts";
import { advisoryRules, chartRules, type ChartRule, type Violation } from "../chart-rules.ts";

/** What the walk and the chart's shape show, beside the chart rules. */
export const walkRules = {
  unreachableState: {
    problem: "no transition leads to the state",
    fix: "Lead a transition there, or remove it.",
  },
  circle: {
    problem: "the chart never comes to rest: eventless transitions or raised events lead round in a circle",
    fix: "Break the circle with a guard that becomes false, or an event to wait for.",
  },
  notDurable: {
    problem: "the engine refuses what the chart does",
    fix: "Keep context, events, input and output plain JSON, and leave live things to ports.",
  },
  chartThrows: {
    problem: "the chart throws, so that the event would be set aside and the actor quarantined",
    fix: "Correct the guard or assign, or correct the example.",
  },
  notTried: {
    problem: "an event without its payload makes the chart throw",
    fix: "Give an example of the event (or the input) in defineActor({ examples }).",
  },
  portInput: {
    problem: "a port is asked with input that its schema refuses",
    fix: "Let the invoke's input give what the schema says.",
  },
  stuck: {
    problem: "nothing that can happen leads out",
    fix: "Add a way out, or give examples that take one.",
  },
  doubled: {
    problem: "a late or repeated outcome acts a second time",
    fix: "Report this: the engine should have dropped it.",
  },
  impure: {
    problem: "the chart asks the world itself, so that repeating a turn gives another result",
    fix: "Read the time with timeOf(event); get random values and everything else through a port or an event.",
  },
  actionNeverRun: {
    problem: "the action has a body, which the engine never runs: named actions are written to the journal",
    fix: "Use assign, raise, sendTo or emit; for work in the world invoke a port.",
  },
  endless: {
    problem: "the walk ended before it had seen everything: the context takes ever new values",
    fix: "Give an abstraction in defineActor({ examples }) that says which values count as the same.",
  },
} as const;

export type WalkRule = keyof typeof walkRules;

export interface Finding {
  severity: "error" | "warning";
  rule: ChartRule | WalkRule;
  /** Id of the state, or of the machine. */
  state: string;
  /** The offending name, event or place, or null. */
  what: string | null;
  problem: string;
  fix: string;
}

const advisoryWalkRules: ReadonlySet<WalkRule> = new Set(["notTried", "actionNeverRun", "endless"]);

export function findingOfViolation({ rule, state, what }: Violation): Finding {
  const severity = advisoryRules.has(rule) ? "warning" : "error";
  return { severity, rule, state, what, problem: chartRules[rule], fix: chartFixes[rule] };
}

export function finding(rule: WalkRule, state: string, what: string | null): Finding {
  const severity = advisoryWalkRules.has(rule) ? "warning" : "error";
  return { severity, rule, state, what, ...walkRules[rule] };
}

/** Each once, errors first. */
export function distinct(findings: readonly Finding[]): Finding[] {
  const byKey = new Map(findings.map((each) => [JSON.stringify([each.rule, each.state, each.what]), each]));
  const all = [...byKey.values()];
  return [
    ...all.filter(({ severity }) => severity === "error"),
    ...all.filter(({ severity }) => severity !== "error"),
  ];
}
