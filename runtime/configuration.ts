import type { AnyMachineSnapshot, AnyStateMachine } from "xstate";
import type { ActorScope } from "./inert-scope.ts";
import { activeStates, nodesOf } from "./transitions.ts";

/** The sets of states that actors of a chart are in. Many actors share one, and XState works it out once. */

export interface Configuration {
  /** As XState restores it, without context and children. Shared: never changed. */
  snapshot: AnyMachineSnapshot;
  /** The stored form, one object for all records: by it a record in memory finds its configuration at once. */
  stored: StoredStates;
  /** Active leaf state ids. */
  states: readonly string[];
}

export interface StoredStates {
  value: unknown;
  /** Empty in charts without history states. */
  historyValue: unknown;
}

/** A chart of many regions can be in more ways than anybody should remember. */
const rememberedPerMachine = 1_024;

class Configurations {
  readonly #machine: AnyStateMachine;
  readonly #byText = new Map<string, Configuration>();
  readonly #byValue = new WeakMap<object, Configuration>();

  constructor(machine: AnyStateMachine) {
    this.#machine = machine;
  }

  of(stored: StoredStates, scope: ActorScope): Configuration {
    const { value, historyValue } = stored;
    const found = isObject(value) ? this.#byValue.get(value) : undefined;
    if (found !== undefined && found.stored.historyValue === historyValue) return found;
    return this.#lookUp(JSON.stringify([value, historyValue]), scope);
  }

  #lookUp(text: string, scope: ActorScope): Configuration {
    const found = this.#byText.get(text);
    if (found !== undefined) return found;
    const made = this.#restore(text, scope);
    if (this.#byText.size >= rememberedPerMachine) this.#byText.clear();
    this.#byText.set(text, made);
    if (isObject(made.stored.value)) this.#byValue.set(made.stored.value, made);
    return made;
  }

  #restore(text: string, scope: ActorScope): Configuration {
    const [value, historyValue] = JSON.parse(text) as unknown[];
    const persisted = { status: "active", value, historyValue, context: {}, children: {} };
    // A stored snapshot is XState's own persisted form; XState types it by live snapshots.
    const snapshot = this.#machine.restoreSnapshot(persisted as unknown as AnyMachineSnapshot, scope);
    const live = snapshot as AnyMachineSnapshot;
    // Not what was given: XState completes regions that an older chart did not have.
    const stored = { value: live.value as unknown, historyValue: persistHistory(live.historyValue) };
    return { snapshot: live, stored: frozen(stored), states: Object.freeze(activeStates(live)) };
  }
}

const known = new WeakMap<AnyStateMachine, Configurations>();

/** Throws what XState throws when the chart does not have such a state. */
export function configurationOf(
  machine: AnyStateMachine,
  stored: StoredStates,
  scope: ActorScope,
): Configuration {
  let configurations = known.get(machine);
  if (configurations === undefined) known.set(machine, (configurations = new Configurations(machine)));
  return configurations.of(stored, scope);
}

/** After a step: the same one when XState handed the list of active nodes on. */
export function nextConfiguration(
  before: Configuration | null,
  next: AnyMachineSnapshot,
  scope: ActorScope,
): Configuration {
  if (
    before !== null &&
    nodesOf(before.snapshot) === nodesOf(next) &&
    before.snapshot.historyValue === next.historyValue
  )
    return before;
  const stored = { value: next.value as unknown, historyValue: persistHistory(next.historyValue) };
  return configurationOf(next.machine, stored, scope);
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** Every record in this configuration holds it. */
function frozen<Value>(value: Value): Value {
  if (!isObject(value)) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}

function persistHistory(history: AnyMachineSnapshot["historyValue"]): Record<string, { id: string }[]> {
  const stored: Record<string, { id: string }[]> = {};
  for (const [id, nodes] of Object.entries(history)) stored[id] = nodes.map((node) => ({ id: node.id }));
  return stored;
}
