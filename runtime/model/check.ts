import type { Chart, RegisteredPort } from "../../machines/registry.ts";
import { chartPorts } from "../chart-ports.ts";
import { checkChart } from "../chart-rules.ts";
import { isRouseError } from "../errors.ts";
import { checkedInput } from "../port-values.ts";
import { transitionIds } from "../transitions.ts";
import { unexampledEvents, type Subject } from "./derived-model.ts";
import { deadEnds, type Refusal } from "./explore.ts";
import { distinct, finding, findingOfViolation, type Finding } from "./findings.ts";
import type { Walked } from "./model.ts";
import { moveLabel, transitionName } from "./move-label.ts";
import { certainCircles, unreachableStates } from "./structure.ts";
import { survey, type Survey } from "./survey.ts";

/** Model-checks a chart: its rules, its shape, and a walk through everything that its examples can make happen. */

export interface ChartReport {
  kind: string;
  /** Id of the machine. */
  machine: string;
  /** Errors first. */
  findings: Finding[];
  /** Leaf states. */
  states: { id: string; reached: boolean }[];
  transitions: { id: string; name: string; covered: boolean }[];
  /** Event types sent without payload, because no example shows one. */
  unexampled: string[];
  /** Positions that the walk told apart. */
  positions: number;
}

export interface CheckOptions {
  /** Positions to walk at most, per input and abstraction. */
  limit?: number;
}

/** `ports`: those the chart is registered with; left out: those it names by itself. */
export function checkSubject(
  subject: Subject & { ports?: readonly RegisteredPort[] },
  options: CheckOptions = {},
): ChartReport {
  const { kind, machine } = subject;
  const { ports: own, foreign } = chartPorts(machine);
  const ports = subject.ports ?? own;
  const isVersioned = subject.version !== undefined;
  const violations = checkChart(machine, ports).filter(
    ({ rule }) => !(isVersioned && rule === "missingVersion"),
  );
  const unexampled = unexampledEvents(subject);
  const inputs: Finding[] = [];
  const walked = survey(subject, { ...options, visit: (step) => inputs.push(...badInputs(ports, step)) });
  const findings = distinct([
    ...violations.map(findingOfViolation),
    ...foreign
      .filter(({ name }) => !violations.some(({ rule, what }) => rule === "unknownPort" && what === name))
      .map(({ state, name }) => findingOfViolation({ rule: "unknownPort", state, what: name })),
    ...unreachableStates(machine).map((state) => finding("unreachableState", state, null)),
    ...certainCircles(machine).map((states) =>
      finding("circle", states[0] ?? machine.id, states.join(" → ")),
    ),
    ...walked.refusals.map((refusal) => refusalFinding(subject, refusal, unexampled)),
    ...inputs,
    ...walkFindings(machine, walked, unexampled),
    ...bodies(machine),
  ]);
  return { kind, machine: machine.id, findings, ...coverage(machine, walked), unexampled };
}

function coverage(
  machine: Chart,
  { walks, untaken, unreached }: Survey,
): Pick<ChartReport, "states" | "transitions" | "positions"> {
  const reached = new Set(walks.flatMap(({ graph }) => [...graph.reached]));
  return {
    states: [...new Set([...reached, ...unreached])].map((id) => ({ id, reached: reached.has(id) })),
    transitions: [...transitionIds(machine).values()].map((id) => ({
      id,
      name: transitionName(id),
      covered: !untaken.includes(id),
    })),
    positions: walks.reduce((sum, { graph }) => sum + graph.vertices.size, 0),
  };
}

function refusalFinding(
  { machine, examples }: Subject,
  { vertex, move, error }: Refusal<unknown>,
  unexampled: readonly string[],
): Finding {
  const state = vertex?.states.join(", ") ?? machine.id;
  const text = error instanceof Error ? error.message : String(error);
  const what = `${move === null ? "creation" : moveLabel(move)}: ${text}`;
  if (isRouseError(error, "machine_forbidden_construct")) {
    return finding(text.includes("without coming to rest") ? "circle" : "notDurable", state, what);
  }
  const isGuess =
    move === null
      ? examples.inputs === undefined
      : move.type === "mail" && unexampled.includes(move.event.type);
  return finding(isGuess ? "notTried" : "chartThrows", state, what);
}

function badInputs(ports: readonly RegisteredPort[], { step }: Walked<unknown>): Finding[] {
  return step.intents.flatMap((intent) => {
    const port = intent.type === "invoke" ? ports.find(({ name }) => name === intent.port) : undefined;
    if (port === undefined || intent.type !== "invoke") return [];
    try {
      checkedInput(port, intent.input);
      return [];
    } catch (error) {
      return [finding("portInput", step.states.join(", "), `${intent.id}: ${(error as Error).message}`)];
    }
  });
}

function walkFindings(machine: Chart, { walks, refusals }: Survey, unexampled: readonly string[]): Finding[] {
  const doubled = walks.flatMap(({ graph }) => graph.doubled.map((move) => moveLabel(move)));
  const isWhole = walks.some(({ graph }) => graph.isWhole);
  // A walk with guesses proves a way, never that there is none.
  const isCertain = unexampled.length === 0 && refusals.length === 0;
  const stuck = walks.flatMap(({ graph }) =>
    isCertain ? deadEnds(graph).map((key) => graph.vertices.get(key)?.states.join(", ") ?? key) : [],
  );
  return [
    ...doubled.map((move) => finding("doubled", machine.id, move)),
    ...stuck.map((states) => finding("stuck", states, null)),
    ...(isWhole ? [] : [finding("endless", machine.id, null)]),
  ];
}

/** Named actions are records. `() => {}` says so; anything else hopes to be run. */
function bodies(machine: Chart): Finding[] {
  const actions = Object.entries(machine.implementations.actions as Record<string, unknown>);
  return actions
    .filter(([, action]) => typeof action === "function" && !("type" in action) && hasBody(action))
    .map(([name]) => finding("actionNeverRun", machine.id, name));
}

function hasBody(action: object): boolean {
  const text = Function.prototype.toString.call(action);
  return !/\{\s*(?:\/\/[^\n]*\s*|\/\*[^]*?\*\/\s*)*\}\s*$/.test(text);
}
