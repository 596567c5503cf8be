import type { AnyMachineSnapshot, AnyStateMachine, Snapshot } from "xstate";
import type { Address } from "../machines/mail.ts";
import { RouseError } from "./errors.ts";
import { InertRef, InertScope, type ReturnedAction } from "./inert-scope.ts";
import { asJson } from "./json.ts";
import type { ActorEvent, Cause } from "./store.ts";
import { activeStates, transitionIds } from "./transitions.ts";

/**
 * The only file that advances an actor with XState: (stored record, mail) → (next record, intents as data).
 * Pure: no clock, no I/O; nothing it returns is alive.
 */

export interface ActorRecord {
  /** XState's persisted snapshot without children. */
  snapshot: Record<string, unknown>;
  /** Last incarnation number given out. */
  incarnation: number;
  /** Running invokes: id → incarnation. */
  invokes: Record<string, number>;
  /** Armed timers: id → incarnation. */
  timers: Record<string, number>;
}

/** What the chart asks for, in the order it asked. */
export type Intent =
  | { type: "invoke"; id: string; incarnation: number; port: string; input: unknown }
  | { type: "stopInvoke"; id: string; incarnation: number }
  | { type: "armTimer"; id: string; incarnation: number; delayMs: number; event: ActorEvent }
  | { type: "cancelTimer"; id: string; incarnation: number }
  | { type: "send"; to: Address; event: ActorEvent }
  | { type: "publish"; topic: string; event: ActorEvent }
  | { type: "record"; name: string; params: unknown };

export type DropReason = "finished" | "staleInvoke" | "staleTimer" | "reservedEvent";

export interface Step {
  record: ActorRecord;
  intents: Intent[];
  /** Ids of the transitions taken; empty when the event matched none. */
  transitions: string[];
  /** Active leaf state ids. */
  states: string[];
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
  const empty = { snapshot: {}, incarnation: 0, invokes: {}, timers: {} };
  return conclude(machine, { scope, before: empty, next, settled: null });
}

export function step(machine: AnyStateMachine, request: StepRequest): Step {
  const { record, event, cause } = request;
  const dropped = refusal(record, event, cause);
  if (dropped !== null) {
    return { record, intents: [], transitions: [], states: statesOf(machine, record), dropped };
  }
  const before = cause?.type === "timer" ? { ...record, timers: without(record.timers, cause.id) } : record;
  const scope = new InertScope(request.address);
  const snapshot = restore(machine, before, scope);
  const next = machine.transition(
    snapshot,
    { ...event, now: request.now },
    scope.asActorScope(),
  ) as AnyMachineSnapshot;
  if (next.status === "error") throw poison(machine, event.type, next.error);
  return conclude(machine, { scope, before, next, settled: cause?.type === "invoke" ? cause : null });
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
  before: ActorRecord;
  next: AnyMachineSnapshot;
  /** The invoke whose outcome was just applied, or null. */
  settled: Cause | null;
}

function conclude(machine: AnyStateMachine, { scope, before, next, settled }: Conclusion): Step {
  const ledger = new Ledger(before);
  for (const action of scope.actions) interpret(machine, ledger, action);
  // A finished invoke whose state was not left must not accept a duplicate of its outcome.
  if (settled !== null && ledger.invokes[settled.id] === settled.incarnation)
    delete ledger.invokes[settled.id];
  if (next.status !== "active") ledger.stopEverything();
  const ids = transitionIds(machine);
  return {
    record: {
      snapshot: persist(machine, next),
      incarnation: ledger.incarnation,
      invokes: ledger.invokes,
      timers: ledger.timers,
    },
    intents: ledger.intents,
    transitions: scope.transitions.map((transition) => ids.get(transition) ?? "unknown"),
    states: activeStates(next),
    dropped: null,
  };
}

/** Books incarnations while actions are read in order: exits cancel before entries arm. */
class Ledger {
  incarnation: number;
  readonly invokes: Record<string, number>;
  readonly timers: Record<string, number>;
  readonly intents: Intent[] = [];

  constructor(before: ActorRecord) {
    this.incarnation = before.incarnation;
    this.invokes = { ...before.invokes };
    this.timers = { ...before.timers };
  }

  invoke(id: string, port: string, input: unknown): void {
    this.incarnation += 1;
    this.invokes[id] = this.incarnation;
    this.intents.push({ type: "invoke", id, incarnation: this.incarnation, port, input });
  }

  stop(id: string): void {
    const incarnation = this.invokes[id];
    if (incarnation === undefined) return;
    delete this.invokes[id];
    this.intents.push({ type: "stopInvoke", id, incarnation });
  }

  arm(id: string, delayMs: number, event: ActorEvent): void {
    this.incarnation += 1;
    this.timers[id] = this.incarnation;
    this.intents.push({ type: "armTimer", id, incarnation: this.incarnation, delayMs, event });
  }

  cancel(id: string): void {
    const incarnation = this.timers[id];
    if (incarnation === undefined) return;
    delete this.timers[id];
    this.intents.push({ type: "cancelTimer", id, incarnation });
  }

  stopEverything(): void {
    for (const id of Object.keys(this.timers)) this.cancel(id);
    for (const id of Object.keys(this.invokes)) this.stop(id);
  }
}

function interpret(machine: AnyStateMachine, ledger: Ledger, action: ReturnedAction): void {
  switch (action.type) {
    case "xstate.spawnChild": {
      const { actorRef, src, input } = action.params as {
        actorRef: { id: string };
        src: unknown;
        input: unknown;
      };
      if (typeof src !== "string") throw forbidden(machine, `invoke ${actorRef.id} has inline logic`);
      return ledger.invoke(actorRef.id, src, asJson(input, `input of ${actorRef.id}`));
    }
    case "xstate.stopChild": {
      const ref = action.params as { id: string } | undefined;
      return ref === undefined ? undefined : ledger.stop(ref.id);
    }
    case "xstate.raise": {
      const { id, delay, event } = action.params as { id?: string; delay?: number; event: ActorEvent };
      // Without a delay the event was consumed inside this macrostep.
      if (typeof delay !== "number") return;
      if (id === undefined) throw forbidden(machine, `delayed ${event.type} has no id`);
      return ledger.arm(id, delay, asJson(event, `event ${event.type}`));
    }
    case "xstate.cancel":
      return ledger.cancel((action.params as { sendId: string }).sendId);
    case "xstate.sendTo":
      return void ledger.intents.push(send(machine, action));
    case "xstate.emit": {
      const { topic, ...event } = (action.params as { event: ActorEvent & { topic?: string } }).event;
      if (topic === undefined) throw forbidden(machine, `emitted ${event.type} names no topic`);
      return void ledger.intents.push({
        type: "publish",
        topic,
        event: asJson(event, `event ${event.type}`),
      });
    }
    case "xstate.log":
      return;
    default: {
      if (action.exec === undefined || machine.implementations.actions[action.type] !== action.exec) {
        throw forbidden(machine, `action ${action.type} is inline or unregistered`);
      }
      const params = asJson(action.params, `params of ${action.type}`);
      return void ledger.intents.push({ type: "record", name: action.type, params });
    }
  }
}

function send(machine: AnyStateMachine, action: ReturnedAction): Intent {
  const { to, event, delay } = action.params as { to: unknown; event: ActorEvent; delay?: number };
  if (typeof delay === "number")
    throw forbidden(machine, `delayed sendTo of ${event.type}: arm a timer, then send`);
  if (!(to instanceof InertRef))
    throw forbidden(machine, `${event.type} is sent to something without an address`);
  return { type: "send", to: to.id as Address, event: asJson(event, `event ${event.type}`) };
}

function forbidden(machine: AnyStateMachine, what: string): RouseError {
  return new RouseError("machine_forbidden_construct", `machine ${machine.id}: ${what}`, {
    nextStep: 'See "Forbidden in machines" in docs/architecture.md.',
  });
}

function restore(machine: AnyStateMachine, record: ActorRecord, scope: InertScope): AnyMachineSnapshot {
  // A stored record is XState's own persisted form; XState types it by live snapshots.
  const stored = { ...record.snapshot, children: {} } as unknown as AnyMachineSnapshot;
  const snapshot = machine.restoreSnapshot(stored, scope.asActorScope()) as unknown;
  const children: Record<string, InertRef> = {};
  for (const id of Object.keys(record.invokes)) children[id] = new InertRef(id);
  return Object.assign(snapshot as AnyMachineSnapshot, { children });
}

/** Active leaf state ids of a stored record. */
export function statesOf(machine: AnyStateMachine, record: ActorRecord): string[] {
  return activeStates(restore(machine, record, new InertScope("kernel/states")));
}

function persist(machine: AnyStateMachine, next: AnyMachineSnapshot): Record<string, unknown> {
  const childless = Object.assign(Object.create(next as object) as AnyMachineSnapshot, next, {
    children: {},
  });
  const { children: _children, ...rest } = machine.getPersistedSnapshot(childless) as Snapshot<unknown> & {
    children: unknown;
  };
  return asJson(rest, "snapshot");
}

function without<Value>(entries: Record<string, Value>, key: string): Record<string, Value> {
  const { [key]: _removed, ...rest } = entries;
  return rest;
}
