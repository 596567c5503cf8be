import type { AnyMachineSnapshot, AnyStateMachine, AnyStateNode } from "xstate";
import type { ChartMigration, ChartState } from "../machines/migration.ts";
import { InertScope } from "./inert-scope.ts";
import { asJson, asStored } from "./json.ts";
import type { ActorRecord, Intent, Step } from "./kernel.ts";
import { requireStateOf } from "./state-value.ts";
import type { Address } from "../machines/mail.ts";
import { activeStates } from "./transitions.ts";

/** Moves a stored record to a changed chart. Pure; what it starts and withdraws is told as intents, like a step's. */

export interface MigrationRequest {
  address: Address;
  record: ActorRecord;
  steps: readonly ChartMigration[];
  /** Epoch ms; reaches the chart's delays and inputs as `event.now`. */
  now: number;
}

/** Throws what a step throws, and an error that names the state that the chart does not have. */
export function migrateActor(machine: AnyStateMachine, request: MigrationRequest): Step {
  const { address, record, steps } = request;
  const snapshot = migrated(record.snapshot, steps);
  requireStateOf(machine, snapshot);
  const scope = new InertScope(address);
  const restored = machine.restoreSnapshot(
    // A stored record is XState's own persisted form; XState types it by live snapshots.
    { ...snapshot, children: {} } as unknown as AnyMachineSnapshot,
    scope.asActorScope(),
  ) as unknown as AnyMachineSnapshot;
  const wanted = snapshot["status"] === "active" ? wantedBy(machine, restored) : nothing;
  const { intents, ...books } = rebuild(request, wanted, (begin) => resolve(begin, restored, scope, request));
  return {
    record: { snapshot: asStored(snapshot, "snapshot"), ...books },
    intents,
    transitions: [],
    states: activeStates(restored),
    dropped: null,
  };
}

function migrated(
  snapshot: Record<string, unknown>,
  steps: readonly ChartMigration[],
): Record<string, unknown> {
  const { value, context, historyValue = {} } = snapshot;
  const before = structuredClone({ value, context, history: historyValue }) as ChartState;
  const after = steps.reduce<ChartState>(
    (state, step) => asJson(step.migrate(state), `result of the migration from ${step.from}`),
    before,
  );
  return { ...snapshot, value: after.value, context: after.context, historyValue: after.history };
}

/** What the active states of a chart invoke and arm on entry. */
interface Wanted {
  invokes: ReadonlyMap<string, { src: string; input: unknown }>;
  /** Timer id → the chart's delay. */
  timers: ReadonlyMap<string, Delay | undefined>;
  /** Whether a timer that is no `after` may have been armed by this chart. */
  mayArm: (id: string) => boolean;
}

type Delay = number | ((args: object, params: unknown) => number);
const nothing: Wanted = { invokes: new Map(), timers: new Map(), mayArm: () => false };
const afterPrefix = "xstate.after.";

function wantedBy(machine: AnyStateMachine, restored: AnyMachineSnapshot): Wanted {
  // `_nodes` is XState's own list of active nodes; the kernel's contract test guards it.
  const nodes = (restored as unknown as { _nodes: AnyStateNode[] })._nodes;
  const ordered = nodes.toSorted((a, b) => a.order - b.order);
  const invokes = ordered.flatMap(({ invoke }) =>
    invoke.map(({ id, src, input }) => [id, { src: src as string, input: input as unknown }] as const),
  );
  const delays = machine.implementations.delays as Record<string, Delay | undefined>;
  const timers = ordered.flatMap(({ after }) =>
    after.map(
      ({ eventType, delay }) =>
        [String(eventType), typeof delay === "number" ? delay : delays[String(delay)]] as const,
    ),
  );
  return { invokes: new Map(invokes), timers: new Map(timers), mayArm: delayedRaises(machine) };
}

/** Timers that actions arm: whether their state is still active cannot be told, so they stay while the chart has them. */
function delayedRaises({ implementations }: AnyStateMachine): (id: string) => boolean {
  const actions = Object.values(implementations.actions) as {
    type?: string;
    id?: unknown;
    delay?: unknown;
  }[];
  const ids = actions
    .filter(({ type, delay }) => type === "xstate.raise" && delay !== undefined)
    .map(({ id }) => id);
  return (id) => ids.includes(id) || ids.some((each) => typeof each === "function");
}

type Begin = { invoke: string; input: unknown } | { timer: string; delay: Delay | undefined };

/** Keeps what goes on, withdraws what the chart no longer has, begins what is new to the actor. */
function rebuild(
  { record, steps }: MigrationRequest,
  wanted: Wanted,
  resolved: (begin: Begin) => unknown,
): Omit<ActorRecord, "snapshot"> & { intents: Intent[] } {
  const restarts = new Set(steps.flatMap((step) => step.restarts ?? []));
  const known = new Set(steps.flatMap((step) => step.known ?? []));
  const goesOn = (id: string, isWanted: boolean): boolean => isWanted && !restarts.has(id);
  const isTimerWanted = (id: string): boolean =>
    id.startsWith(afterPrefix) ? wanted.timers.has(id) : wanted.mayArm(id);
  const [invokes, stopped] = part(record.invokes, (id) => goesOn(id, wanted.invokes.has(id)));
  const [timers, cancelled] = part(record.timers, (id) => goesOn(id, isTimerWanted(id)));
  const intents: Intent[] = [
    ...Object.entries(cancelled).map(([id, incarnation]) => ({
      type: "cancelTimer" as const,
      id,
      incarnation,
    })),
    ...Object.entries(stopped).map(([id, incarnation]) => ({ type: "stopInvoke" as const, id, incarnation })),
  ];
  let { incarnation } = record;
  const isNew = (id: string, before: Record<string, number>): boolean =>
    id in before ? restarts.has(id) : !known.has(id);
  for (const [id, delay] of wanted.timers) {
    if (!isNew(id, record.timers)) continue;
    timers[id] = incarnation += 1;
    const delayMs = resolved({ timer: id, delay }) as number;
    intents.push({ type: "armTimer", id, incarnation, delayMs, event: { type: id } });
  }
  for (const [id, { src, input }] of wanted.invokes) {
    if (!isNew(id, record.invokes)) continue;
    invokes[id] = incarnation += 1;
    intents.push({ type: "invoke", id, incarnation, port: src, input: resolved({ invoke: id, input }) });
  }
  return { incarnation, invokes, timers, intents };
}

type Books = Record<string, number>;

function part(books: Books, keeps: (id: string) => boolean): [Books, Books] {
  const entries = Object.entries(books);
  return [
    Object.fromEntries(entries.filter(([id]) => keeps(id))),
    Object.fromEntries(entries.filter(([id]) => !keeps(id))),
  ];
}

/** As XState resolves them on entry; the event is the migration. */
function resolve(
  begin: Begin,
  { context }: AnyMachineSnapshot,
  scope: InertScope,
  { now }: MigrationRequest,
) {
  const args = {
    context: context as unknown,
    event: { type: "machine.migrated", now },
    self: scope.asActorScope().self,
  };
  if ("invoke" in begin) {
    const input = isMapper(begin.input) ? begin.input(args) : begin.input;
    return asJson(input, `input of ${begin.invoke}`);
  }
  const delayMs = typeof begin.delay === "function" ? begin.delay(args, undefined) : begin.delay;
  if (Number.isFinite(delayMs)) return delayMs;
  throw new Error(`timer ${begin.timer} has no delay`);
}

function isMapper(input: unknown): input is (args: object) => unknown {
  return typeof input === "function";
}
