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

const inertActor = createActor(createMachine({ id: "inert" }));

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

type ActorScope = Parameters<AnyStateMachine["transition"]>[2];

/** The actor scope XState asks for: collects actions and transitions, performs nothing. */
export class InertScope {
  readonly actions: ReturnedAction[] = [];
  readonly transitions: object[] = [];
  readonly #address: Address;
  #microsteps = 0;

  constructor(address: Address) {
    this.#address = address;
  }

  asActorScope(): ActorScope {
    const system = Object.create(inertActor.system, {
      get: { value: (address: string) => new InertRef(address) },
      _sendInspectionEvent: { value: (event: unknown) => this.#inspect(event) },
    }) as unknown;
    const self = Object.create(inertActor, {
      id: { value: this.#address },
      system: { value: system },
      send: { value: refuseSelfSend },
    }) as unknown;
    const scope = {
      self,
      id: this.#address,
      sessionId: this.#address,
      system,
      logger: ignore,
      stopChild: ignore,
      emit: ignore,
      defer: refuseDeferral,
      actionExecutor: (action: ReturnedAction) => void this.actions.push(action),
    };
    // XState types its scope by live actors; this one is inert by design.
    return scope as unknown as ActorScope;
  }

  #inspect(event: unknown): void {
    const { type, _transitions } = event as { type: string; _transitions?: object[] };
    if (type !== "@xstate.microstep") return;
    this.transitions.push(...(_transitions ?? []));
    this.#microsteps += 1;
    // XState has no bound of its own: a circle of eventless transitions would never return.
    if (this.#microsteps > mostMicrosteps) throw circle(this.#address);
  }
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
