import type { AnyStateMachine, ContextFrom, OutputFrom, StateValueFrom } from "xstate";
import type { Address } from "../../machines/mail.ts";
import type { RegisteredMachine } from "../../machines/registry.ts";
import type { ActorStatus } from "../../runtime/store.ts";
import type { Examples } from "./examples.ts";

/** A kind of actor: a chart that can be made durable. Made by `defineActor`. */
export interface Actor<Machine extends AnyStateMachine = AnyStateMachine> extends RegisteredMachine {
  readonly machine: Machine;
  /** For tests and `rouse check`. */
  readonly examples: Examples<Machine>;
}

/** An actor as it is stored. JSON. */
export interface ActorState<Machine extends AnyStateMachine = AnyStateMachine> {
  readonly address: Address;
  /** `done`: the chart is in its final state. `quarantined`: an event could not be processed; see its dead letter. */
  readonly status: ActorStatus;
  readonly value: StateValueFrom<Machine>;
  readonly context: ContextFrom<Machine>;
  /** Of a chart that is done. */
  readonly output: OutputFrom<Machine> | undefined;
  /** Events applied so far; the `seq` of the newest journal entry. */
  readonly version: number;
  /** Epoch ms of the store's clock. */
  readonly updatedAt: number;
}

/** What became of an event. */
export interface Sent<Machine extends AnyStateMachine = AnyStateMachine> {
  /** False when no transition of the chart matched: nothing changed. */
  readonly taken: boolean;
  readonly state: ActorState<Machine>;
}
