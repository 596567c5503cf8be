import type { z } from "zod";
import type { eventShape } from "../operations/event-view.ts";
import type { KnownOperation } from "../operations/list.ts";

/** Types of all calls, read off the operations' definitions: nothing is written twice. */

type Named<Name extends OperationName> = Extract<KnownOperation, { name: Name }>;

/** snake_case, as in the reference and as MCP tool. */
export type OperationName = KnownOperation["name"];

/** Fields of the call; the idempotency key is an option of the call instead. */
export type InputOf<Name extends OperationName> = Omit<z.input<Named<Name>["input"]>, "idempotency_key">;

/** The answer. A newer node may answer with more fields. */
export type OutputOf<Name extends OperationName> = z.output<Named<Name>["output"]>;

/** Something that happened. A newer node may tell of types that are not listed here. */
export type RouseEvent = z.output<typeof eventShape>;
export type EventType = RouseEvent["type"];

export type MethodName<Name extends string> = Name extends `${infer Head}_${infer Rest}`
  ? `${Head}${Capitalize<MethodName<Rest>>}`
  : Name;

export interface CallOptions {
  /**
   * Repeating a change with the same key changes nothing more. Default: a fresh one for each call, so that its own retries are
   * safe; give one to make repetitions by your program safe too.
   */
  idempotencyKey?: string;
  /** Ends the call, and its retries. What was sent may have happened all the same. */
  signal?: AbortSignal;
  /** Tries in all; 1 means no retry. */
  attempts?: number;
}

type Arguments<Name extends OperationName> =
  Partial<InputOf<Name>> extends InputOf<Name>
    ? [input?: InputOf<Name>, options?: CallOptions]
    : [input: InputOf<Name>, options?: CallOptions];

/** One method for each operation: `post_message` is `postMessage`. All throw `CallError`. */
export type OperationMethods = {
  [Name in OperationName as MethodName<Name>]: (...args: Arguments<Name>) => Promise<OutputOf<Name>>;
};
