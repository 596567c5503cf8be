import type { Chart } from "../machines/registry.ts";
import { RouseError } from "./errors.ts";

/**
 * What a chart may not contain, because it would not be durable or not be explainable (docs/architecture.md, "Forbidden
 * in machines"). Checked when a machine is registered: the kernel meets some of these only when the state is entered.
 */

export const chartRules = {
  missingVersion: "the machine names no explicit version",
  missingDescription: "the state says nothing to the people who read it",
  inlineAction: "an action has no registered name",
  inlineGuard: "a guard has no registered name (and(), or(), not() belong into setup)",
  inlineDelay: "a delay has no registered name",
  unknownName: "a name is not registered in setup()",
  inlineActor: "an invoke holds its logic instead of naming a port",
  unknownPort: "an invoke names no port of this machine",
  invokeWithoutId: "an invoke has no id",
  invokeWithoutOnError: "an invoke does not say what follows when it fails",
  systemId: "an invoke has a systemId; actors are found by address",
  spawn: "an actor is spawned; invoke a port, or create an actor through the engine",
  delayWithoutId: "a delayed raise has no id, so its timer cannot be fenced",
  delayedSend: "a delayed send to another actor; arm a timer, then send",
  errorWildcard: "a wildcard would swallow failures",
  deadEnd: "nothing leads out of the state",
} as const;

export type ChartRule = keyof typeof chartRules;

/** Worth saying to the author, and no danger to the actor. */
export const advisoryRules: ReadonlySet<ChartRule> = new Set(["missingVersion", "missingDescription"]);

export interface Violation {
  rule: ChartRule;
  /** Id of the state, or of the machine. */
  state: string;
  /** The offending name, or null. */
  what: string | null;
}

type StateNode = Chart["root"];
type Check = (node: StateNode, chart: Chart) => Violation[];
type Reference = string | { type: string };

export function checkChart(chart: Chart, ports: readonly { name: string }[]): Violation[] {
  const names = new Set(ports.map(({ name }) => name));
  const checks: Check[] = [
    checkDescription,
    checkActions,
    checkGuards,
    checkDelays,
    checkWildcards,
    checkWayOut,
  ];
  const version = chart.version === undefined ? [violation(chart.root, "missingVersion")] : [];
  const states = statesOf(chart.root).flatMap((node) => [
    ...checks.flatMap((check) => check(node, chart)),
    ...checkInvokes(node, names),
  ]);
  return [...version, ...checkImplementations(chart), ...states];
}

/** Throws `machine_forbidden_construct` naming every offending state. */
export function requireLawfulChart(chart: Chart, ports: readonly { name: string }[]): void {
  const violations = checkChart(chart, ports).filter(({ rule }) => !advisoryRules.has(rule));
  if (violations.length === 0) return;
  const said = violations.map(
    ({ rule, state, what }) => `${state}${what === null ? "" : ` (${what})`}: ${chartRules[rule]}`,
  );
  throw new RouseError(
    "machine_forbidden_construct",
    `machine ${chart.id} is not durable: ${said.join("; ")}`,
    {
      nextStep: 'See "Forbidden in machines" in docs/architecture.md.',
      details: { violations },
    },
  );
}

function violation(node: StateNode, rule: ChartRule, what: string | null = null): Violation {
  return { rule, state: node.id, what };
}

function statesOf(node: StateNode): StateNode[] {
  return [node, ...Object.values(node.states).flatMap(statesOf)];
}

function checkDescription(node: StateNode, chart: Chart): Violation[] {
  const silent = node !== chart.root && (node.description ?? "").trim() === "";
  return silent ? [violation(node, "missingDescription")] : [];
}

function transitionsOf(node: StateNode) {
  return [...[...node.transitions.values()].flat(), ...(node.always ?? [])];
}

function list(value: unknown): unknown[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function checkActions(node: StateNode, chart: Chart): Violation[] {
  // `node.entry` also holds what XState adds for `after`; the config holds what the author wrote.
  const { entry, exit } = node.config as { entry?: unknown; exit?: unknown };
  const actions = [
    ...list(entry),
    ...list(exit),
    ...transitionsOf(node).flatMap((each) => list(each.actions)),
  ];
  return checkNames(node, actions, { inline: "inlineAction", known: chart.implementations.actions });
}

function checkGuards(node: StateNode, chart: Chart): Violation[] {
  const guards = transitionsOf(node).flatMap((transition) => list(transition.guard));
  return checkNames(node, guards, { inline: "inlineGuard", known: chart.implementations.guards });
}

function checkDelays(node: StateNode, chart: Chart): Violation[] {
  return Object.keys((node.config.after ?? {}) as object).flatMap((delay) => {
    if (/^\d+$/.test(delay)) return [violation(node, "inlineDelay", delay)];
    return delay in chart.implementations.delays ? [] : [violation(node, "unknownName", delay)];
  });
}

function checkNames(
  node: StateNode,
  references: readonly unknown[],
  { inline, known }: { inline: ChartRule; known: object },
): Violation[] {
  return references.flatMap((reference) => {
    if (typeof reference === "function") return [violation(node, inline, nameOf(reference))];
    const name = typeof reference === "string" ? reference : (reference as Exclude<Reference, string>).type;
    return name in known ? [] : [violation(node, "unknownName", name)];
  });
}

/** Built-in actions carry their type, others at most a function name. */
function nameOf(reference: object): string | null {
  const { type, name } = reference as { type?: string; name?: string };
  return type ?? (name === undefined || name === "" ? null : name);
}

interface InvokeConfig {
  id?: string;
  src: unknown;
  systemId?: string;
  onError?: unknown;
}

function checkInvokes(node: StateNode, ports: ReadonlySet<string>): Violation[] {
  return (list(node.config.invoke) as InvokeConfig[]).flatMap((invoke) => {
    const what = invoke.id ?? (typeof invoke.src === "string" ? invoke.src : null);
    const broken: ChartRule[] = [];
    if (typeof invoke.src !== "string") broken.push("inlineActor");
    else if (!ports.has(invoke.src)) broken.push("unknownPort");
    if (invoke.id === undefined) broken.push("invokeWithoutId");
    if (invoke.onError === undefined) broken.push("invokeWithoutOnError");
    if (invoke.systemId !== undefined) broken.push("systemId");
    return broken.map((rule) => violation(node, rule, what));
  });
}

function checkWildcards(node: StateNode): Violation[] {
  return node.ownEvents
    .map(String)
    .filter((event) => event.endsWith("*") && "xstate.error.actor.".startsWith(event.slice(0, -1)))
    .map((event) => violation(node, "errorWildcard", event));
}

function checkWayOut(node: StateNode): Violation[] {
  // A region of a single state keeps books beside the others; it waits for nothing.
  if (node.type !== "atomic" || node.parent?.type === "parallel") return [];
  for (let from: StateNode | undefined = node; from !== undefined; from = from.parent) {
    const leaves = transitionsOf(from).some(({ target }) =>
      (target ?? []).some((to: StateNode) => to !== node),
    );
    if (leaves) return [];
  }
  return [violation(node, "deadEnd")];
}

interface Implementation {
  type?: string;
  id?: unknown;
  delay?: unknown;
}

function checkImplementations(chart: Chart): Violation[] {
  const actions = Object.entries(chart.implementations.actions as Record<string, Implementation>);
  const context = (chart.config as { context?: unknown }).context;
  const spawning = spawns(context) ? [violation(chart.root, "spawn", "context")] : [];
  return [...spawning, ...actions.flatMap(([name, action]) => checkImplementation(chart, name, action))];
}

function checkImplementation({ root }: Chart, name: string, action: Implementation): Violation[] {
  const { type, id, delay } = action;
  if (type === "xstate.spawnChild" || spawns(action)) return [violation(root, "spawn", name)];
  if (delay === undefined) return [];
  if (type === "xstate.sendTo") return [violation(root, "delayedSend", name)];
  return type === "xstate.raise" && id === undefined ? [violation(root, "delayWithoutId", name)] : [];
}

/**
 * XState hands `spawn` to a function as an argument: whether it is called can only be seen in the function's text. What
 * escapes this look is refused by the kernel when it runs.
 */
function spawns(value: unknown): boolean {
  if (typeof value === "function") {
    const parts = Object.values(value).filter((part) => !isInternal(part));
    return /\bspawn(Child)?\s*\(/.test(Function.prototype.toString.call(value)) || parts.some(spawns);
  }
  return typeof value === "object" && value !== null && Object.values(value).some(spawns);
}

function isInternal(part: unknown): boolean {
  return typeof part === "function" && /^(resolve|execute|retryResolve|check)/.test(part.name);
}
