import type { Address } from "../machines/mail.ts";
import type { Port } from "../machines/port.ts";
import { checkedInput } from "./port-values.ts";
import type { ActorEvent, Lease, StoredActor, Transaction } from "./store.ts";

/** What a port's implementation may do besides its own work. */
export interface PortCall<Input> {
  input: Input;
  /** The actor that asked. */
  address: Address;
  /** Same for every attempt of this effect: the idempotency key. */
  key: string;
  attempt: number;
  lease: Lease;
  /** Aborts when the chart left the state, the lease was lost, the time is up, or the node drains. */
  signal: AbortSignal;
  /** Once-only ports call this right before their first outside act; throws `lease_lost`. */
  markStarted: () => Promise<void>;
  /** Sends an event to the actor that asked, fenced by the lease. */
  report: (event: ActorEvent) => Promise<void>;
  /** Runs work in a transaction fenced by the lease, for instance to create another actor. */
  transaction: <Result>(work: (tx: Transaction) => Promise<Result>) => Promise<Result>;
  getActor: (address: Address) => Promise<StoredActor | null>;
}

/** Types forgotten: input and output are checked against the port's schemas at run time. */
export interface AnyPortImplementation {
  port: Port<unknown, unknown>;
  /** Throws RouseError; `retryable` codes are tried again within the port's policy. */
  perform(call: PortCall<unknown>): Promise<unknown>;
}

export function implementPort<Input, Output>(
  port: Port<Input, Output>,
  perform: (call: PortCall<Input>) => Promise<Output>,
): AnyPortImplementation {
  return {
    port,
    perform: (call) => perform({ ...call, input: checkedInput(port, call.input) as Input }),
  } as AnyPortImplementation;
}

/** Work on this host that no actor asks for, such as ending what nobody holds any more. */
export interface Chore {
  name: string;
  everyMs: number;
  run: () => Promise<void>;
}
