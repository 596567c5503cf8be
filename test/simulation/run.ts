import { startAuthors } from "./authors.ts";
import { Choices, type Mutes } from "./choices.ts";
import { startOperators } from "./operators.ts";
import { startPeople } from "./people.ts";
import type { Planted } from "./planted/planted.ts";
import { chooseProfile, type FaultKind } from "./profile.ts";
import { startSaboteur } from "./saboteur.ts";
import { hashOf } from "./choices.ts";
import { setUp, type Tokens } from "./setup.ts";
import { Trace, type TraceOptions } from "./trace.ts";
import { World, type Violation } from "./world.ts";

export interface RunOptions extends TraceOptions {
  seed: number;
  mutes?: Mutes;
  /** Steps until the faults stop; default: the seed's own. */
  steps?: number;
  planted?: Planted["plant"];
}

export interface RunResult {
  seed: number;
  violation: Violation | null;
  steps: number;
  /** Virtual time. */
  durationMs: number;
  traceHash: string;
  stateHash: string;
  lastLines: string[];
  faults: Partial<Record<FaultKind, number>>;
  /** States of the charts that were visited, `kind.state`. */
  states: Set<string>;
  /** What came of effects, wakes and calls, counted. */
  outcomes: Record<string, number>;
  /** Choices made by each stream, and steps with faults: what may be taken away when shrinking. */
  choices: Record<string, number>;
  chaosSteps: number;
}

/** The longest that anything may take once nothing disturbs it. */
const restWithinMs = 420_000;

/** One seed from beginning to end: set up, disturb, calm down, and look at what is left. */
export async function run(options: RunOptions): Promise<RunResult> {
  const choices = new Choices(options.seed, options.mutes);
  const profile = chooseProfile(choices, options.steps);
  const trace = new Trace(1_800_000_000_000, options);
  const world = new World(choices, profile, {
    trace,
    ...(options.planted ? { planted: options.planted } : {}),
  });
  const startedAt = world.scheduler.now;
  const tokens = await stepUntilDone(world, setUp(world));
  if (tokens !== null) await disturb(world, tokens);
  if (mayGoOn(world)) await comeToRest(world);
  if (world.crashOfTheSimulation !== null) throw asError(world);
  return {
    seed: options.seed,
    violation: world.violation,
    steps: world.scheduler.steps,
    durationMs: world.scheduler.now - startedAt,
    traceHash: trace.hash,
    stateHash: hashOfState(world),
    lastLines: trace.last(),
    faults: world.faultCounts,
    states: statesOf(world),
    outcomes: outcomesOf(world),
    choices: choices.counts(),
    chaosSteps: profile.steps,
  };
}

async function disturb(world: World, tokens: Tokens): Promise<void> {
  world.isCalm = false;
  startAuthors(world);
  startOperators(world, tokens);
  startPeople(world);
  startSaboteur(world);
  const ends = world.scheduler.steps + world.profile.steps;
  while (world.scheduler.steps < ends && mayGoOn(world)) await world.scheduler.step();
}

/** Null when a violation came first. */
async function stepUntilDone<Value>(world: World, work: Promise<Value>): Promise<Value | null> {
  const reached: { value: Value | null } = { value: null };
  world.go(async () => {
    reached.value = await work;
  });
  await world.scheduler.rest();
  while (reached.value === null && mayGoOn(world)) await world.scheduler.step();
  return reached.value;
}

function mayGoOn({ violation, crashOfTheSimulation }: World): boolean {
  return violation === null && crashOfTheSimulation === null;
}

async function comeToRest(world: World): Promise<void> {
  world.isCalm = true;
  world.database = "up";
  world.note(world.people, "— calm —");
  for (const spec of world.profile.nodes) world.ensureNode(spec);
  const deadline = world.scheduler.now + restWithinMs;
  // Still twice in a row, some seconds apart: whatever was about to happen has happened.
  for (let still = 0; still < 2 && world.scheduler.now < deadline;) {
    await stepFor(world, 1_500);
    if (!mayGoOn(world)) return;
    for (const spec of world.profile.nodes) world.ensureNode(spec);
    still = isStill(world) ? still + 1 : 0;
  }
  world.checks.atRest();
}

async function stepFor(world: World, ms: number): Promise<void> {
  const until = world.scheduler.now + ms;
  while (world.scheduler.now < until && mayGoOn(world)) await world.scheduler.step();
}

function isStill(world: World): boolean {
  const { state } = world;
  if (world.living().some(({ stalledUntil }) => stalledUntil > world.scheduler.now)) return false;
  if (world.checks.isTakeoverDue() || world.checks.orphans().length > 0) return false;
  if (world.busy > 0 || state.mailboxes.size > 0 || world.checks.waiting() !== null) return false;
  return state.openEffects.values().every((key) => state.effects.get(key)?.port === "watchTerminal");
}

function hashOfState({ state }: World): string {
  const rows = [
    state.actors,
    state.journal,
    state.effects,
    state.messages,
    state.members,
    state.audit,
    state.timers,
  ];
  return hashOf(JSON.stringify(rows.map((table) => table.values()))).toString(16);
}

function statesOf({ state }: World): Set<string> {
  const visited = new Set<string>();
  for (const { address, states } of state.journal.values()) {
    for (const each of states) visited.add(`${address.slice(0, address.indexOf("/"))}.${each}`);
  }
  return visited;
}

function outcomesOf({ state }: World): Record<string, number> {
  const found = [
    ...state.effects.values().map(({ port, status }) => `${port} ${status}`),
    ...state.wakes.values().map(({ outcome }) => `wake ${outcome ?? "open"}`),
    ...state.audit.values().map(({ entry }) => `${entry.operation} ${entry.outcome}`),
  ];
  const groups = Object.groupBy(found, (name) => name);
  return Object.fromEntries(Object.entries(groups).map(([name, all = []]) => [name, all.length]));
}

function asError({ crashOfTheSimulation: error, choices, trace }: World): Error {
  const text = `seed ${choices.seed}: the simulation itself failed\n${trace.last().slice(-20).join("\n")}`;
  return new Error(text, { cause: error });
}
