import type { Address } from "../../machines/mail.ts";
import type { Chart } from "../../machines/registry.ts";
import { start, step, type ActorRecord, type Intent, type Step } from "../kernel.ts";
import type { ActorEvent, Cause } from "../store.ts";
import { handledEvents } from "./handled-events.ts";

/**
 * A chart as a graph of moves, driven through the kernel with a JSON round trip at every step.
 * `explore.ts` walks the graph; nothing here knows a particular chart.
 */

/** One thing that can happen to an actor. JSON, so that a path can be replayed through the real engine. */
export type Move =
  | { type: "mail"; event: ActorEvent }
  | { type: "done"; invoke: string; output: unknown }
  | { type: "failed"; invoke: string; error: { code: string; message: string; retryable: boolean } }
  /** The clock goes on to the timer's due time, and it fires. */
  | { type: "timer"; timer: string };

/** Where an actor stands, with the clock. */
export interface Position<Context> {
  record: ActorRecord;
  /** Epoch ms. */
  now: number;
  /** Armed timers: id → due time and the event they bring. */
  due: Record<string, { at: number; event: ActorEvent }>;
  value: unknown;
  context: Context;
}

export interface Walked<Context> {
  before: Position<Context> | null;
  after: Position<Context>;
  step: Step;
  /** The mail that was applied. */
  applied: { event: ActorEvent; cause: Cause | null } | null;
}

export interface Outcomes {
  done: readonly unknown[];
  failed: readonly string[];
}

export interface Model<Context> {
  machine: Chart;
  address: Address;
  input: object;
  /** Payload cases of every event type the chart names; a missing type is an error, so that none is forgotten. */
  mail: (position: Position<Context>) => Readonly<Record<string, readonly { readonly type: string }[]>>;
  /** Outcomes of every port, by invoke id; `failed` lists error codes. */
  outcomes: Readonly<Record<string, Outcomes>>;
  /** Of invokes that have no entry there; absent: an error. */
  otherOutcomes?: Outcomes;
  /** What two positions must share to count as the same; JSON. Times only as answers such as "spent". */
  abstraction: (position: Position<Context>) => unknown;
}

/** Epoch ms at which every model begins. */
export const beginning = 1_700_000_000_000;

export function begin<Context>(model: Model<Context>): Walked<Context> {
  const taken = start(model.machine, { address: model.address, input: model.input, now: beginning });
  return {
    before: null,
    after: positionAfter(taken, { now: beginning, due: {} }),
    step: taken,
    applied: null,
  };
}

export function walk<Context>(model: Model<Context>, before: Position<Context>, move: Move): Walked<Context> {
  const { event, cause, now } = mailOf(before, move);
  const record = json(before.record);
  const taken = step(model.machine, { address: model.address, record, event: json(event), cause, now });
  if (taken.dropped !== null) throw new Error(`${JSON.stringify(move)} was dropped: ${taken.dropped}`);
  return {
    before,
    after: positionAfter(taken, { now, due: before.due }),
    step: taken,
    applied: { event, cause },
  };
}

/** Mail that may still come but must not act any more: what was just applied, and what this step cancelled. */
function obsoleteMail<Context>({
  before,
  after,
  applied,
}: Walked<Context>): { event: ActorEvent; cause: Cause }[] {
  if (before === null || applied === null) return [];
  const { invokes, timers } = before.record;
  const stopped = Object.entries(invokes).filter(
    ([id, incarnation]) => after.record.invokes[id] !== incarnation,
  );
  const cancelled = Object.entries(timers).filter(
    ([id, incarnation]) => after.record.timers[id] !== incarnation,
  );
  return [
    ...(applied.cause === null ? [] : [{ event: applied.event, cause: applied.cause }]),
    ...stopped.map(([id, incarnation]) => ({
      event: { type: `xstate.done.actor.${id}` },
      cause: { type: "invoke" as const, id, incarnation },
    })),
    ...cancelled.map(([id, incarnation]) => ({
      event: timerOf(before, id).event,
      cause: { type: "timer" as const, id, incarnation },
    })),
  ];
}

/** Offers duplicates and stale completions. True when each was dropped without any change. */
export function dropsObsolete<Context>(model: Model<Context>, walked: Walked<Context>): boolean {
  const { record, now } = walked.after;
  return obsoleteMail(walked).every((mail) => {
    const again = step(model.machine, { address: model.address, record, ...mail, now });
    return again.dropped !== null && again.intents.length === 0 && again.record === record;
  });
}

/** Every move that the chart and its running ports and timers offer here. */
export function movesAt<Context>(model: Model<Context>, position: Position<Context>): Move[] {
  const cases = model.mail(position);
  const mail = handledEvents(model.machine, position).flatMap((type) => {
    const events = cases[type];
    if (events === undefined) throw new Error(`the model of ${model.machine.id} has no payload for ${type}`);
    return events.map((event): Move => ({ type: "mail", event: { ...event } }));
  });
  const outcomes = Object.keys(position.record.invokes).flatMap((invoke) => outcomesOf(model, invoke));
  const timers = Object.keys(position.due).map((timer): Move => ({ type: "timer", timer }));
  return [...timers, ...outcomes, ...mail];
}

function outcomesOf<Context>(model: Model<Context>, invoke: string): Move[] {
  const known = model.outcomes[invoke] ?? model.otherOutcomes;
  if (known === undefined) throw new Error(`the model of ${model.machine.id} has no outcome for ${invoke}`);
  return [
    ...known.done.map((output): Move => ({ type: "done", invoke, output })),
    ...known.failed.map((code): Move => ({ type: "failed", invoke, error: failure(code) })),
  ];
}

export function failure(code: string): { code: string; message: string; retryable: boolean } {
  return { code, message: `${code} in the model`, retryable: false };
}

/** What reaches the actor when the move is made. */
export function mailOf(
  position: Position<unknown>,
  move: Move,
): { event: ActorEvent; cause: Cause | null; now: number } {
  const { record, now } = position;
  switch (move.type) {
    case "mail":
      return { event: move.event, cause: null, now };
    case "timer": {
      const { at, event } = timerOf(position, move.timer);
      const incarnation = record.timers[move.timer] ?? 0;
      return { event, cause: { type: "timer", id: move.timer, incarnation }, now: Math.max(now, at) };
    }
    case "done":
    case "failed": {
      const id = move.invoke;
      const cause: Cause = { type: "invoke", id, incarnation: record.invokes[id] ?? 0 };
      const outcome = move.type === "done" ? { output: move.output } : { error: move.error };
      const kind = move.type === "done" ? "done" : "error";
      return { event: { type: `xstate.${kind}.actor.${id}`, ...outcome, actorId: id }, cause, now };
    }
  }
}

function timerOf({ due }: Position<unknown>, id: string): { at: number; event: ActorEvent } {
  const timer = due[id];
  if (timer === undefined) throw new Error(`no timer ${id} is armed`);
  return timer;
}

function positionAfter<Context>(
  taken: Step,
  { now, due }: Pick<Position<Context>, "now" | "due">,
): Position<Context> {
  const record = json(taken.record);
  const { value, context } = record.snapshot as { value: unknown; context: Context };
  return { record, now, due: dueAfter(due, { intents: taken.intents, record, now }), value, context };
}

function dueAfter(
  before: Position<unknown>["due"],
  { intents, record, now }: { intents: Intent[]; record: ActorRecord; now: number },
): Position<unknown>["due"] {
  const due = { ...before };
  for (const intent of intents) {
    if (intent.type === "armTimer") due[intent.id] = { at: now + intent.delayMs, event: intent.event };
  }
  return Object.fromEntries(Object.entries(due).filter(([id]) => record.timers[id] !== undefined));
}

function json<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}
