import type { AnyStateMachine } from "xstate";
import type { Position } from "../../runtime/model/model.ts";
import type { EventOf, InputOf } from "./chart-types.ts";

/** Sample values that generated tests and `rouse check` drive a chart with. What is left out is derived where it can be. */
export interface Examples<Machine extends AnyStateMachine = AnyStateMachine> {
  /** Inputs to begin with; each is a walk of its own. */
  readonly inputs?: readonly InputOf<Machine>[];
  /** At least one per event type with a payload; more where guards look at it. */
  readonly events?: readonly EventOf<Machine>[];
  /** What ports answer, by port name. Left out: derived from the output schema; failures: `port_failed`. */
  readonly outcomes?: Readonly<Record<string, PortOutcomes>>;
  /**
   * What two positions must share to count as the same; JSON. Left out: state and context, first exactly, then with
   * counts above 3 taken as "more".
   */
  readonly abstraction?: (position: Position<unknown>) => unknown;
}

export interface PortOutcomes {
  readonly done?: readonly unknown[];
  /** Codes of failures, such as `port_refused`. */
  readonly failed?: readonly string[];
}
