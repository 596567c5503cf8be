import fc from "fast-check";
import {
  assign,
  createActor,
  emit,
  fromPromise,
  raise,
  sendTo,
  setup,
  SimulatedClock,
  type AnyActorRef,
} from "xstate";
import { describe, expect, test } from "vitest";
import { timeOf } from "../../machines/mail.ts";
import { start, step, type ActorRecord, type Step } from "../../runtime/kernel.ts";
import type { ActorEvent, Cause } from "../../runtime/store.ts";

const address = "sample/1";
const port = fromPromise<{ pane: string }, { n: number }>(() => new Promise(() => {}));

const sample = setup({
  types: {
    context: {} as { tries: number; pane: string | null },
    input: {} as { tries: number },
    events: {} as { type: "GO" | "STOP" | "END" | "TELL" | "SHOUT" | "DATE" | "POISON" | "AGAIN" | "NOTE" },
  },
  actors: { port },
  delays: { patience: ({ context }) => 1_000 * (context.tries + 1) },
  guards: {
    mayRetry: ({ context }) => context.tries < 2,
    explode: () => {
      throw new Error("guard exploded");
    },
  },
  actions: {
    countTry: assign({ tries: ({ context }) => context.tries + 1 }),
    notePane: assign({
      pane: ({ event }) => (event as unknown as { output: { pane: string } }).output.pane,
    }),
    storeDate: assign({ pane: () => new Date(0) as unknown as string }),
    tell: sendTo(({ system }) => system.get("thread/7") as AnyActorRef, { type: "told" }),
    shout: emit({ type: "shouted", topic: "workspace" }),
    hush: raise({ type: "STOP" }),
    "wake.noted": (_args, _params: { at: number }) => {},
  },
}).createMachine({
  id: "sample",
  initial: "idle",
  context: ({ input }) => ({ tries: input.tries, pane: null }),
  states: {
    idle: {
      on: {
        GO: "working",
        TELL: { actions: "tell" },
        SHOUT: { actions: "shout" },
        DATE: { actions: "storeDate" },
        POISON: { guard: "explode", target: "done" },
        NOTE: { actions: { type: "wake.noted", params: ({ event }) => ({ at: timeOf(event) }) } },
      },
    },
    working: {
      invoke: {
        id: "work",
        src: "port",
        input: ({ context }) => ({ n: context.tries }),
        onDone: { target: "idle", actions: "notePane" },
        onError: [{ guard: "mayRetry", target: "working", reenter: true, actions: "countTry" }, "idle"],
      },
      after: { patience: { target: "idle", actions: "countTry" } },
      on: {
        STOP: "idle",
        AGAIN: { target: "working", reenter: true },
        SHOUT: { actions: "hush" },
        END: "done",
      },
    },
    done: { type: "final" },
  },
});

const json = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;
const begin = (): Step => start(sample, { address, input: { tries: 0 }, now: 1 });
const send = (record: ActorRecord, event: ActorEvent, cause: Cause | null = null, now = 2): Step =>
  step(sample, { address, record: json(record), event, cause, now });
const done = (incarnation: number) =>
  [
    { type: "xstate.done.actor.work", output: { pane: "%1" }, actorId: "work" },
    { type: "invoke" as const, id: "work", incarnation },
  ] as const;

describe("the kernel", () => {
  test("turns an invoke and a delay into intents with fresh incarnations", () => {
    const { intents, record, states } = send(begin().record, { type: "GO" });
    expect(intents).toEqual([
      expect.objectContaining({ type: "armTimer", incarnation: 1, delayMs: 1_000 }),
      { type: "invoke", id: "work", incarnation: 2, port: "port", input: { n: 0 } },
    ]);
    expect(record.invokes).toEqual({ work: 2 });
    expect(states).toEqual(["sample.working"]);
  });

  test("names the transitions taken", () => {
    expect(send(begin().record, { type: "GO" }).transitions).toEqual(["sample.idle GO#0"]);
    expect(send(begin().record, { type: "STOP" }).transitions).toEqual([]);
  });

  test("cancels the old incarnation before it arms the new one on re-entry", () => {
    const working = send(begin().record, { type: "GO" }).record;
    const kinds = send(working, { type: "AGAIN" }).intents.map(
      (intent) => `${intent.type} ${"incarnation" in intent ? intent.incarnation : ""}`,
    );
    expect(kinds).toEqual(["cancelTimer 1", "stopInvoke 2", "armTimer 3", "invoke 4"]);
  });

  test("drops a completion of an earlier incarnation and applies that of the current one", () => {
    const first = send(begin().record, { type: "GO" }).record;
    const second = send(first, { type: "AGAIN" }).record;
    const stale = send(second, ...done(first.invokes["work"]!));
    expect(stale.dropped).toBe("staleInvoke");
    expect(stale.record).toEqual(second);
    const applied = send(second, ...done(second.invokes["work"]!));
    expect(applied.record.snapshot["context"]).toMatchObject({ pane: "%1" });
  });

  test("drops a second copy of a completion that was applied", () => {
    const working = send(begin().record, { type: "GO" }).record;
    const mail = done(working.invokes["work"]!);
    const idle = send(working, ...mail).record;
    expect(send(idle, ...mail).dropped).toBe("staleInvoke");
  });

  test("drops a timer that was cancelled or acted already", () => {
    const working = send(begin().record, { type: "GO" });
    const armed = working.intents.find((intent) => intent.type === "armTimer")!;
    const cause: Cause = { type: "timer", id: armed.id, incarnation: armed.incarnation };
    const stopped = send(working.record, { type: "STOP" }).record;
    expect(send(stopped, armed.event, cause).dropped).toBe("staleTimer");
    const fired = send(working.record, armed.event, cause);
    expect(fired.record.snapshot["value"]).toBe("idle");
    expect(send(fired.record, armed.event, cause).dropped).toBe("staleTimer");
  });

  test("refuses engine events that come from outside", () => {
    const working = send(begin().record, { type: "GO" }).record;
    expect(send(working, { type: "xstate.done.actor.work", output: { pane: "%9" } }).dropped).toBe(
      "reservedEvent",
    );
  });

  test("stops all invokes and cancels all timers at a final state, and takes nothing after it", () => {
    const working = send(begin().record, { type: "GO" }).record;
    const ended = send(working, { type: "END" });
    expect(ended.intents.map(({ type }) => type).toSorted()).toEqual(["cancelTimer", "stopInvoke"]);
    expect(ended.record).toMatchObject({ invokes: {}, timers: {}, snapshot: { status: "done" } });
    expect(send(ended.record, { type: "GO" }).dropped).toBe("finished");
  });

  test("gives every event the turn's time, and raised events stay within the step", () => {
    const working = send(begin().record, { type: "GO" }).record;
    expect(send(working, { type: "SHOUT" }).record.snapshot["value"]).toBe("idle");
    const noted = send(begin().record, { type: "NOTE" }, null, 77);
    expect(noted.intents).toEqual([{ type: "record", name: "wake.noted", params: { at: 77 } }]);
  });

  test("addresses what is sent and published", () => {
    expect(send(begin().record, { type: "TELL" }).intents).toEqual([
      { type: "send", to: "thread/7", event: { type: "told" } },
    ]);
    expect(send(begin().record, { type: "SHOUT" }).intents).toEqual([
      { type: "publish", topic: "workspace", event: { type: "shouted" } },
    ]);
  });

  test("throws on context that JSON would change, naming the place", () => {
    expect(() => send(begin().record, { type: "DATE" })).toThrow(
      /snapshot\.context\.pane is an instance of Date/,
    );
  });

  test("throws when a guard throws", () => {
    expect(() => send(begin().record, { type: "POISON" })).toThrow("guard exploded");
  });

  test("throws instead of circling for ever", () => {
    const circling = setup({}).createMachine({
      id: "circle",
      initial: "a",
      states: { a: { on: { GO: "b" } }, b: { always: "c" }, c: { always: "b" } },
    });
    const { record } = start(circling, { address: "circle/1", input: {}, now: 1 });
    const go = { address: "circle/1", record, event: { type: "GO" }, cause: null, now: 2 } as const;
    expect(() => step(circling, go)).toThrow("without coming to rest");
  });

  test("behaves as a live XState actor on any sequence of events, times and outcomes, with every stale mail injected", () => {
    const move = fc.oneof(
      fc
        .constantFrom("GO", "STOP", "AGAIN", "SHOUT", "NOTE")
        .map((type) => ({ kind: "event" as const, type })),
      fc.constantFrom(500, 1_000, 5_000).map((ms) => ({ kind: "wait" as const, ms })),
      fc.boolean().map((ok) => ({ kind: "settle" as const, ok })),
    );
    fc.assert(
      fc.property(fc.array(move, { minLength: 5, maxLength: 40 }), (moves) => {
        const durable = new Durable();
        const live = new Live();
        for (const each of moves) {
          durable.play(each);
          live.play(each);
          const { value, context, status } =
            live.actor.getPersistedSnapshot() as unknown as ActorRecord["snapshot"];
          const stored = durable.record.snapshot;
          expect([stored["value"], stored["status"], stored["context"]]).toEqual([value, status, context]);
          durable.injectStaleMail();
        }
      }),
      { numRuns: 200 },
    );
  });
});

type Move = { kind: "event"; type: string } | { kind: "wait"; ms: number } | { kind: "settle"; ok: boolean };

class Durable {
  record: ActorRecord = begin().record;
  #now = 10;
  #timers: { event: ActorEvent; cause: Cause; dueAt: number }[] = [];
  #invokes: Cause[] = [];
  #past: [ActorEvent, Cause][] = [];

  play(move: Move): void {
    if (move.kind === "event") return this.#apply({ type: move.type }, null);
    if (move.kind === "settle") return this.#settle(move.ok);
    const end = this.#now + move.ms;
    for (;;) {
      const due = this.#timers.filter(({ dueAt }) => dueAt <= end).toSorted((a, b) => a.dueAt - b.dueAt)[0];
      if (due === undefined) break;
      this.#now = due.dueAt;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#apply(due.event, due.cause);
    }
    this.#now = end;
  }

  injectStaleMail(): void {
    for (const [event, cause] of this.#past) {
      const result = send(this.record, event, cause, this.#now);
      expect(result.dropped).toMatch(/^stale/);
      expect(result.record).toEqual(this.record);
    }
  }

  #settle(ok: boolean): void {
    const cause = this.#invokes.shift();
    if (cause === undefined) return;
    const event = ok
      ? { type: "xstate.done.actor.work", output: { pane: "%1" }, actorId: "work" }
      : { type: "xstate.error.actor.work", error: { message: "no" }, actorId: "work" };
    this.#apply(event, cause);
  }

  #apply(event: ActorEvent, cause: Cause | null): void {
    const result = send(this.record, event, cause, this.#now);
    if (cause !== null) this.#past.push([event, cause]);
    this.record = json(result.record);
    for (const intent of result.intents) {
      if (intent.type === "armTimer") {
        const { id, incarnation } = intent;
        const armed: Cause = { type: "timer", id, incarnation };
        this.#timers.push({ event: intent.event, cause: armed, dueAt: this.#now + intent.delayMs });
      } else if (intent.type === "cancelTimer") {
        this.#timers = this.#timers.filter((timer) => {
          if (timer.cause.incarnation !== intent.incarnation) return true;
          this.#past.push([timer.event, timer.cause]);
          return false;
        });
      } else if (intent.type === "invoke") {
        this.#invokes.push({ type: "invoke", id: intent.id, incarnation: intent.incarnation });
      } else if (intent.type === "stopInvoke") {
        this.#invokes = this.#invokes.filter(({ incarnation }) => incarnation !== intent.incarnation);
      }
    }
  }
}

/** XState itself, its promises settled by hand. */
class Live {
  readonly #clock = new SimulatedClock();
  readonly actor;
  #now = 10;

  constructor() {
    this.actor = createActor(sample, { input: { tries: 0, now: 1 } as never, clock: this.#clock }).start();
  }

  play(move: Move): void {
    if (move.kind === "event") return this.actor.send({ type: move.type, now: this.#now } as never);
    if (move.kind === "settle") return this.#settle(move.ok);
    // SimulatedClock jumps; small steps let timers that timers arm run on time.
    for (let passed = 0; passed < move.ms; passed += 500) this.#clock.increment(500);
    this.#now += move.ms;
  }

  #settle(ok: boolean): void {
    if (!this.actor.getSnapshot().matches("working")) return;
    const event = ok
      ? { type: "xstate.done.actor.work", output: { pane: "%1" }, actorId: "work" }
      : { type: "xstate.error.actor.work", error: { message: "no" }, actorId: "work" };
    this.actor.send({ ...event, now: this.#now } as never);
  }
}
