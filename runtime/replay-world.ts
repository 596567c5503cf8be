import type { Address } from "../machines/mail.ts";
import { start, step, type ActorRecord, type Intent, type Step } from "./kernel.ts";
import { migrateActor } from "./migrate-actor.ts";
import type { MachineEntry, Route } from "./registry.ts";
import type { ActorEvent, Cause, JournalEntry } from "./store.ts";

/** One run of a history: an actor, its armed timers with their due times, and what it asks of the world. */

/** Without incarnation numbers: they count what happened before, not what happens. */
export interface Outcome {
  /** `applied`; `dropped: …`; `refused` when the chart threw; `absent` when it would never have come. */
  fate: string;
  /** More about being refused or absent, or null. */
  why: string | null;
  states: readonly string[];
  transitions: readonly string[];
  effects: readonly unknown[];
  timers: readonly unknown[];
  mail: readonly unknown[];
  records: readonly unknown[];
}

type Entry = Pick<JournalEntry, "seq" | "event" | "cause" | "dropped">;
type Due = { at: number; event: ActorEvent };
export type OwnTimer = Due & { id: string };

export class ReplayWorld {
  readonly address: Address;
  #record: ActorRecord = { snapshot: {}, incarnation: 0, invokes: {}, timers: {} };
  #states: readonly string[] = [];
  readonly #due = new Map<string, Due>();

  constructor(address: Address) {
    this.address = address;
  }

  /** Applies an entry as it was recorded. */
  apply(chart: MachineEntry, { seq, event, cause }: Entry, now: number): Outcome {
    return this.#run(now, () =>
      seq === 1
        ? start(chart.machine, { address: this.address, input: event["input"] as object, now })
        : step(chart.machine, { address: this.address, record: this.#record, event, cause, now }),
    );
  }

  /** Applies an entry that another world recorded, as far as it would have come here. */
  follow(
    chart: MachineEntry,
    entry: Entry,
    { now, shared, wasRunning }: { now: number; shared: boolean; wasRunning: boolean },
  ): Outcome {
    const { cause } = entry;
    if (cause === null) return this.apply(chart, entry, now);
    // What was stale there is stale here.
    if (!wasRunning) return this.#outcome(entry.dropped === null ? "applied" : `dropped: ${entry.dropped}`);
    const own = this.#incarnationOf(cause);
    if (own === undefined || !shared) return this.#outcome("absent", this.#whyAbsent(cause));
    return this.apply(chart, { ...entry, cause: { ...cause, incarnation: own } }, now);
  }

  /** An entry that could not be processed when it came: the chart threw, or asked for what cannot be stored. */
  refuse(): Outcome {
    return this.#outcome("refused");
  }

  migrate({ entry, steps }: Route, now: number): void {
    const { address } = this;
    this.#run(now, () => migrateActor(entry.machine, { address, record: this.#record, steps, now }));
  }

  /** Whether what an entry answers was running here. */
  runs(cause: Cause | null): boolean {
    return cause === null || this.#incarnationOf(cause) === cause.incarnation;
  }

  /** Whether what an entry answers in the other world runs here, too; a timer only when it is due at the same time. */
  sharesCause(other: ReplayWorld, cause: Cause | null): boolean {
    if (cause === null) return true;
    if (this.#incarnationOf(cause) === undefined) return false;
    return cause.type === "invoke" || this.#due.get(cause.id)?.at === other.#due.get(cause.id)?.at;
  }

  /** The first timer due by then that the other world does not have at that time. */
  nextOwnTimer(other: ReplayWorld, until: number): OwnTimer | null {
    const [next] = [...this.#due]
      .filter(([id, { at }]) => at <= until && other.#due.get(id)?.at !== at)
      .toSorted(([, a], [, b]) => a.at - b.at);
    return next === undefined ? null : { id: next[0], ...next[1] };
  }

  fire(chart: MachineEntry, { id, at, event }: OwnTimer): Outcome {
    const incarnation = this.#record.timers[id] ?? 0;
    const outcome = this.apply(
      chart,
      { seq: 0, event, cause: { type: "timer", id, incarnation }, dropped: null },
      at,
    );
    // One that the chart refuses would be due again and again.
    if (outcome.fate === "refused") this.#due.delete(id);
    return outcome;
  }

  #incarnationOf({ type, id }: Cause): number | undefined {
    return type === "invoke" ? this.#record.invokes[id] : this.#record.timers[id];
  }

  #whyAbsent({ type, id }: Cause): string {
    if (type === "invoke") return "the effect was not asked for";
    return this.#record.timers[id] === undefined ? "the timer is not armed" : "the timer is not due";
  }

  #run(now: number, act: () => Step): Outcome {
    let taken: Step;
    try {
      taken = act();
    } catch (error) {
      return this.#outcome("refused", error instanceof Error ? error.message : String(error));
    }
    // As if it had been stored and read.
    this.#record = JSON.parse(JSON.stringify(taken.record)) as ActorRecord;
    this.#states = [...taken.states];
    this.#note(taken.intents, now);
    return outcomeOf(taken);
  }

  #note(intents: readonly Intent[], now: number): void {
    for (const intent of intents) {
      if (intent.type === "armTimer")
        this.#due.set(intent.id, { at: now + intent.delayMs, event: intent.event });
    }
    for (const id of this.#due.keys()) if (this.#record.timers[id] === undefined) this.#due.delete(id);
  }

  #outcome(fate: string, why: string | null = null): Outcome {
    return {
      fate,
      why,
      states: this.#states,
      transitions: [],
      effects: [],
      timers: [],
      mail: [],
      records: [],
    };
  }
}

function outcomeOf({ intents, states, transitions, dropped }: Step): Outcome {
  const of = (...types: Intent["type"][]): unknown[] =>
    intents.filter(({ type }) => types.includes(type)).map(withoutIncarnation);
  return {
    why: null,
    fate: dropped === null ? "applied" : `dropped: ${dropped}`,
    states: [...states],
    transitions,
    effects: of("invoke", "stopInvoke"),
    timers: of("armTimer", "cancelTimer"),
    mail: of("send", "publish"),
    records: intents.flatMap((intent) =>
      intent.type === "record" ? [plain({ type: intent.name, params: intent.params })] : [],
    ),
  };
}

function withoutIncarnation(intent: Intent): unknown {
  return plain({ ...intent, incarnation: undefined });
}

function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value)) as unknown;
}
