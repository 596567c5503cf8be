import type { AnyStateMachine, EventFromLogic, InputFrom } from "xstate";

/** The engine adds `now`; callers don't. Distributes over unions. */
type WithoutNow<Value> = Value extends unknown
  ? { [Key in keyof Value as Key extends "now" ? never : Key]: Value[Key] }
  : never;

/** The events of a chart as a caller sends them. */
export type EventOf<Machine extends AnyStateMachine> = WithoutNow<EventFromLogic<Machine>>;

/** The input of a chart as a caller gives it. */
export type InputOf<Machine extends AnyStateMachine> = WithoutNow<Extract<InputFrom<Machine>, object>>;
