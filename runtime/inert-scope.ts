import { createActor, createMachine, type AnyStateMachine } from "xstate";
import type { Address } from "../machines/mail.ts";
import { RouseError } from "./errors.ts";

/** What XState hands to an action executor: data, and a body that we never run. */
export interface ReturnedAction {
  type: string;
  params: unknown;
  exec: unknown;
}

const mostMicrosteps = 100;

/** Stands for a child or an addressee. Never alive. */
export class InertRef {
  readonly id: string;
  readonly sessionId: string;
  readonly src = "port";
  /** XState's "running": with any other value it would drop the stop instead of returning it. */
  readonly _processingStatus = 1;

  constructor(id: string) {
    this.id = id;
    this.sessionId = id;
  }

  get ref(): this {
    return this;
  }
  send(): never {
    throw new Error("an inert reference cannot be sent to");
  }
  getSnapshot(): { status: "active" } {
    return { status: "active" };
  }
  getPersistedSnapshot(): { status: "active" } {
    return { status: "active" };
  }
  toJSON(): unknown {
    return { id: this.id };
  }
}

export type ActorScope = Parameters<AnyStateMachine["transition"]>[2];

const inertActor = createActor(createMachine({ id: "inert" }));

/** Books ids for children as XState does; everything else that leads out is overridden. One serves all steps. */
const inertSystem = Object.create(inertActor.system, {
  get: { value: (address: string) => new InertRef(address) },
  _sendInspectionEvent: { value: noteMicrostep },
}) as object;

/** What the `self` of every step has in common, so that making one costs next to nothing. */
const inertSelf = Object.create(inertActor, {
  id: { value: "", writable: true },
  system: { value: inertSystem },
  send: { value: refuseSelfSend },
  scope: { value: null, writable: true },
}) as object;

/** The actor scope XState asks for: collects actions and transitions, performs nothing. */
export class InertScope {
  readonly actions: ReturnedAction[] = [];
  readonly transitions: object[] = [];
  readonly self: { id: Address; scope: InertScope };
  readonly id: Address;
  readonly sessionId: Address;
  readonly system = inertSystem;
  readonly logger = ignore;
  readonly stopChild = ignore;
  readonly emit = ignore;
  readonly defer = refuseDeferral;
  /** XState wraps it during a microstep, and puts it back. */
  actionExecutor = (action: ReturnedAction): void => void this.actions.push(action);
  #microsteps = 0;

  constructor(address: Address) {
    this.id = address;
    this.sessionId = address;
    this.self = Object.create(inertSelf) as InertScope["self"];
    this.self.id = address;
    this.self.scope = this;
  }

  asActorScope(): ActorScope {
    // XState types its scope by live actors; this one is inert by design.
    return this as unknown as ActorScope;
  }

  noteMicrostep(taken: readonly object[]): void {
    for (const transition of taken) this.transitions.push(transition);
    this.#microsteps += 1;
    // XState has no bound of its own: a circle of eventless transitions would never return.
    if (this.#microsteps > mostMicrosteps) throw circle(this.id);
  }
}

function noteMicrostep(event: unknown): void {
  const { type, actorRef, _transitions } = event as {
    type: string;
    actorRef: InertScope["self"];
    _transitions?: object[];
  };
  if (type === "@xstate.microstep") actorRef.scope.noteMicrostep(_transitions ?? []);
}

function circle(address: Address): RouseError {
  return new RouseError(
    "machine_forbidden_construct",
    `${address} took ${mostMicrosteps} transitions on one event without coming to rest`,
    { nextStep: "Break the circle of `always` or raised events in the chart." },
  );
}

function ignore(): void {}

function refuseSelfSend(): never {
  throw new RouseError("machine_forbidden_construct", "self.send() inside a chart: use raise() or sendTo()");
}

function refuseDeferral(): never {
  throw new RouseError("machine_forbidden_construct", "spawn() inside a chart: invoke a port instead");
}
