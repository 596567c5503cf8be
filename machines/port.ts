import { fromPromise, type PromiseActorLogic } from "xstate";
import type { z } from "zod";

export interface RetryPolicy {
  /** Attempts in all, the first included. */
  attempts: number;
  /** Wait before the second attempt; doubles each time. */
  backoffMs: number;
  maxBackoffMs: number;
}

export interface PortSpec<Input, Output> {
  /** Verb and object, for instance `deliverWake`. `invoke.src` names it. */
  name: string;
  input: z.ZodType<Input>;
  output: z.ZodType<Output>;
  /** What it does, for people. */
  summary: string;
  /**
   * `idempotent`: may be repeated after a crash, under the same key.
   * `once`: marked started before its first outside act; if its node dies after that the outcome is `effect_uncertain`, never repeated.
   */
  repeat: "idempotent" | "once";
  retry: RetryPolicy;
  /** One attempt may take this long; null for a watch that runs until its state is left. */
  timeoutMs: number | null;
  /** Host that must perform it; absent: any node. */
  host?: (input: Input) => string;
  /** Effects with the same key never run side by side, on any node. */
  exclusive?: (input: Input) => string;
  /** Binds the effect row to a larger story, for instance the wake id. */
  correlation?: (input: Input) => string;
}

/** Outside work that a chart asks for by `invoke`. It has no body here: the engine performs it after the commit. */
export interface Port<Input, Output> extends PortSpec<Input, Output> {
  /** Goes into `setup({ actors })`. Never settles by itself; the outcome arrives as mail. */
  logic: PromiseActorLogic<Output, Input>;
}

type Defaulted = "summary" | "retry" | "timeoutMs";

/** `summary`, `retry` and `timeoutMs` may be left out. Whether it may be repeated is yours to say. */
export type PortDefinition<Input, Output> = Omit<PortSpec<Input, Output>, Defaulted> &
  Partial<Pick<PortSpec<Input, Output>, Defaulted>>;

const defaults: Pick<PortSpec<never, never>, Defaulted> = {
  summary: "",
  retry: { attempts: 5, backoffMs: 500, maxBackoffMs: 30_000 },
  timeoutMs: 30_000,
};

/** A symbol of all copies of this package: the chart and the program that reads it may have loaded two. */
const portOfLogic = Symbol.for("rouse.port");

export function definePort<Input, Output>(definition: PortDefinition<Input, Output>): Port<Input, Output> {
  const spec: PortSpec<Input, Output> = { ...defaults, ...definition };
  const logic = fromPromise<Output, Input>(() => new Promise<Output>(() => {}));
  return { ...spec, logic: Object.assign(logic, { [portOfLogic]: spec }) };
}

/** The port that a chart names in `setup({ actors })`; null for logic that `definePort` did not make. */
export function portOf(logic: unknown): PortSpec<unknown, unknown> | null {
  if (typeof logic !== "object" || logic === null) return null;
  const { [portOfLogic]: spec } = logic as { [portOfLogic]?: PortSpec<unknown, unknown> };
  return spec ?? null;
}

/** As whom an effect sends its outcome to its actor. */
export function outcomeSender(port: string): string {
  return `effect/${port}`;
}
