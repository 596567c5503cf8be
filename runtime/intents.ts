import type { AnyStateMachine } from "xstate";
import type { Address } from "../machines/mail.ts";
import { RouseError } from "./errors.ts";
import { InertRef, type ReturnedAction } from "./inert-scope.ts";
import { asJson } from "./json.ts";
import type { ActorEvent } from "./store.ts";

/** XState's actions as data: what a chart asks for, booked under incarnation numbers. */

/** What the chart asks for, in the order it asked. */
export type Intent =
  | { type: "invoke"; id: string; incarnation: number; port: string; input: unknown }
  | { type: "stopInvoke"; id: string; incarnation: number }
  | { type: "armTimer"; id: string; incarnation: number; delayMs: number; event: ActorEvent }
  | { type: "cancelTimer"; id: string; incarnation: number }
  | { type: "send"; to: Address; event: ActorEvent }
  | { type: "publish"; topic: string; event: ActorEvent }
  | { type: "record"; name: string; params: unknown };

export interface Incarnations {
  /** Last incarnation number given out. */
  incarnation: number;
  /** Running invokes: id → incarnation. */
  invokes: Record<string, number>;
  /** Armed timers: id → incarnation. */
  timers: Record<string, number>;
}

/** Books incarnations while actions are read in order: exits cancel before entries arm. Copies what it changes. */
export class Ledger implements Incarnations {
  incarnation: number;
  invokes: Record<string, number>;
  timers: Record<string, number>;
  readonly intents: Intent[] = [];

  constructor({ incarnation, invokes, timers }: Incarnations) {
    this.incarnation = incarnation;
    this.invokes = invokes;
    this.timers = timers;
  }

  invoke(id: string, port: string, input: unknown): void {
    this.incarnation += 1;
    this.invokes = { ...this.invokes, [id]: this.incarnation };
    this.intents.push({ type: "invoke", id, incarnation: this.incarnation, port, input });
  }

  stop(id: string): void {
    const incarnation = this.invokes[id];
    if (incarnation === undefined) return;
    this.forgetInvoke(id);
    this.intents.push({ type: "stopInvoke", id, incarnation });
  }

  forgetInvoke(id: string): void {
    this.invokes = without(this.invokes, id);
  }

  arm(id: string, delayMs: number, event: ActorEvent): void {
    this.incarnation += 1;
    this.timers = { ...this.timers, [id]: this.incarnation };
    this.intents.push({ type: "armTimer", id, incarnation: this.incarnation, delayMs, event });
  }

  cancel(id: string): void {
    const incarnation = this.timers[id];
    if (incarnation === undefined) return;
    this.forgetTimer(id);
    this.intents.push({ type: "cancelTimer", id, incarnation });
  }

  forgetTimer(id: string): void {
    this.timers = without(this.timers, id);
  }

  stopEverything(): void {
    for (const id of Object.keys(this.timers)) this.cancel(id);
    for (const id of Object.keys(this.invokes)) this.stop(id);
  }
}

function without(entries: Record<string, number>, id: string): Record<string, number> {
  const rest: Record<string, number> = {};
  for (const [key, incarnation] of Object.entries(entries)) if (key !== id) rest[key] = incarnation;
  return rest;
}

export function interpret(machine: AnyStateMachine, ledger: Ledger, action: ReturnedAction): void {
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
