import type { AnyMachineSnapshot, AnyStateMachine } from "xstate";
import type { Address } from "../machines/mail.ts";
import {
  configurationOf,
  nextConfiguration,
  type Configuration,
  type StoredStates,
} from "./configuration.ts";
import { RouseError } from "./errors.ts";
import { InertRef, InertScope } from "./inert-scope.ts";
import { interpret, Ledger, type Incarnations, type Intent } from "./intents.ts";
import { asStored } from "./json.ts";
import type { ActorEvent, Cause } from "./store.ts";
import { transitionIds } from "./transitions.ts";

/**
 * The only file that advances an actor with XState: (stored record, mail) → (next record, intents as data).
 * Pure: no clock, no I/O; nothing it returns is alive. A record that a step returned and the same record read back
 * from its JSON text lead to the same: so a record may be kept in memory instead of being read again.
 */

export type { Intent } from "./intents.ts";

export interface ActorRecord extends Incarnations {
  /** XState's persisted snapshot without children. */
  snapshot: Record<string, unknown>;
}

export type DropReason = "finished" | "staleInvoke" | "staleTimer" | "reservedEvent";

export interface Step {
  record: ActorRecord;
  intents: Intent[];
  /** Ids of the transitions taken; empty when the event matched none. */
  transitions: string[];
  /** Active leaf state ids. */
  states: readonly string[];
  dropped: DropReason | null;
}

export interface StartRequest {
  address: Address;
  input: object;
  /** Epoch ms. */
  now: number;
}

export interface StepRequest {
  address: Address;
  record: ActorRecord;
  event: ActorEvent;
  cause: Cause | null;
  /** Epoch ms; reaches the chart as `event.now`. */
  now: number;
}

export function start(machine: AnyStateMachine, request: StartRequest): Step {
  const scope = new InertScope(request.address);
  const next = machine.getInitialSnapshot(scope.asActorScope(), { ...request.input, now: request.now });
  if (next.status === "error") throw poison(machine, "its creation", next.error);
  const ledger = new Ledger({ incarnation: 0, invokes: {}, timers: {} });
  return conclude(machine, { scope, ledger, before: null, next, settled: null });
}

export function step(machine: AnyStateMachine, request: StepRequest): Step {
  const { record, event, cause } = request;
  const dropped = refusal(record, event, cause);
  if (dropped !== null) {
    return { record, intents: [], transitions: [], states: statesOf(machine, record), dropped };
  }
  const scope = new InertScope(request.address);
  const before = configurationIn(machine, record, scope);
  const next = machine.transition(
    restore(record, before),
    { ...event, now: request.now },
    scope.asActorScope(),
  ) as AnyMachineSnapshot;
  if (next.status === "error") throw poison(machine, event.type, next.error);
  const ledger = new Ledger(record);
  if (cause?.type === "timer") ledger.forgetTimer(cause.id);
  const settled = cause?.type === "invoke" ? cause : null;
  return conclude(machine, { scope, ledger, before, next, settled });
}

function refusal(record: ActorRecord, event: ActorEvent, cause: Cause | null): DropReason | null {
  if (record.snapshot["status"] !== "active") return "finished";
  if (cause?.type === "invoke" && record.invokes[cause.id] !== cause.incarnation) return "staleInvoke";
  if (cause?.type === "timer" && record.timers[cause.id] !== cause.incarnation) return "staleTimer";
  if (cause === null && event.type.startsWith("xstate.")) return "reservedEvent";
  return null;
}

function poison(machine: AnyStateMachine, during: string, cause: unknown): RouseError {
  return new RouseError("internal", `machine ${machine.id} failed on ${during}: ${String(cause)}`, { cause });
}

interface Conclusion {
  scope: InertScope;
  ledger: Ledger;
  /** Null at the creation. */
  before: Configuration | null;
  next: AnyMachineSnapshot;
  /** The invoke whose outcome was just applied, or null. */
  settled: Cause | null;
}

function conclude(machine: AnyStateMachine, { scope, ledger, before, next, settled }: Conclusion): Step {
  for (const action of scope.actions) interpret(machine, ledger, action);
  // A finished invoke whose state was not left must not accept a duplicate of its outcome.
  if (settled !== null && ledger.invokes[settled.id] === settled.incarnation) ledger.forgetInvoke(settled.id);
  if (next.status !== "active") ledger.stopEverything();
  const ids = transitionIds(machine);
  const { stored, states } = nextConfiguration(before, next, scope.asActorScope());
  const { incarnation, invokes, timers, intents } = ledger;
  return {
    record: { snapshot: persist(next, stored), incarnation, invokes, timers },
    intents,
    transitions: scope.transitions.map((transition) => ids.get(transition) ?? "unknown"),
    states,
    dropped: null,
  };
}

/** What XState's `restoreSnapshot` makes of the record. References in the context are never revived: none is stored. */
function restore(record: ActorRecord, { snapshot }: Configuration): AnyMachineSnapshot {
  const children: Record<string, InertRef> = {};
  for (const id of Object.keys(record.invokes)) children[id] = new InertRef(id);
  return { ...snapshot, context: record.snapshot["context"], children } as AnyMachineSnapshot;
}

/** Active leaf state ids of a stored record. */
export function statesOf(machine: AnyStateMachine, record: ActorRecord): readonly string[] {
  return configurationIn(machine, record, new InertScope("kernel/states")).states;
}

function configurationIn(
  machine: AnyStateMachine,
  { snapshot: { value, historyValue } }: ActorRecord,
  scope: InertScope,
): Configuration {
  return configurationOf(machine, { value, historyValue }, scope.asActorScope());
}

/** XState's `getPersistedSnapshot` of a snapshot without children, key for key; the contract test holds it to that. */
function persist(
  { status, output, context }: AnyMachineSnapshot,
  { value, historyValue }: StoredStates,
): ActorRecord["snapshot"] {
  const rest = { value, historyValue, context: asStored<unknown>(context, "snapshot.context") };
  if (output === undefined) return { status, ...rest };
  return { status, output: asStored<unknown>(output, "snapshot.output"), ...rest };
}
