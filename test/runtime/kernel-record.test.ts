import { assign, createActor, createMachine, type AnyStateMachine } from "xstate";
import { describe, expect, test } from "vitest";
import { start, step } from "../../runtime/kernel.ts";

/** A node keeps records in memory between turns; what an actor does must not depend on it. */

const address = "odd/1";
const begin = (machine: AnyStateMachine) => start(machine, { address, input: {}, now: 1 });
const json = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

describe("a record as an object and the same record as its text", () => {
  /** Steps along both ways, and returns the texts of all steps. */
  const both = (machine: AnyStateMachine, types: readonly string[]) => {
    let hot = begin(machine).record;
    let cold = json(hot);
    return types.map((type, index) => {
      const request = { address, event: { type }, cause: null, now: index + 2 } as const;
      const [one, other] = [
        step(machine, { ...request, record: hot }),
        step(machine, { ...request, record: cold }),
      ];
      hot = one.record;
      cold = json(other.record);
      return [JSON.stringify(one), JSON.stringify(other)];
    });
  };

  test.each<[string, unknown, unknown]>([
    ["an undefined property", { late: undefined, early: 1 }, { late: 2 }],
    [
      "a negative zero",
      { late: -0 },
      ({ context }: { context: { late: number } }) => ({ late: 1 / context.late > 0 }),
    ],
    [
      "an array with names, such as a match",
      { late: "ab".match(/(b)/) },
      ({ context }: { context: { late: { index?: number } | null } }) => ({
        late: context.late?.index ?? null,
      }),
    ],
    ["a hole in an array", { late: Array(2) }, ({ context }: { context: { late: unknown[] } }) => ({ late: context.late.map((x) => x ?? 0) })], // prettier-ignore
    [
      "what looks like a stored reference",
      { late: { xstate$$type: 1, id: "x" } },
      ({ context }: { context: { late: unknown } }) => ({ late: [context.late] }),
    ],
    [
      "what looks like an actor",
      { late: { sessionId: "1", send: 1, ref: 1 } },
      ({ context }: { context: { late: unknown } }) => ({ late: [context.late] }),
    ],
  ])("lead to the same with %s in the context", (_, first, second) => {
    const machine = createMachine({
      id: "odd",
      context: {},
      on: { go: { actions: assign(first as object) }, on: { actions: assign(second as object) } },
    }) as AnyStateMachine;
    for (const [hot, cold] of both(machine, ["go", "on", "on"])) expect(hot).toBe(cold);
  });

  test("lead to the same in charts with history and regions", () => {
    const region = (name: string) => ({
      initial: "a",
      states: {
        a: {
          on: { [name]: "b" },
          always: { guard: ({ event }: { event: { type: string } }) => event.type === "both", target: "b" },
        },
        b: { on: { [name]: "a" } },
        last: { type: "history" as const },
      },
    });
    const machine = createMachine({
      id: "odd",
      initial: "on",
      states: {
        on: {
          type: "parallel",
          states: { two: region("two"), one: region("one") },
          on: { off: "off" },
        },
        off: { on: { back: { target: ["on.one.last", "on.two.last"] } } },
      },
    }) as AnyStateMachine;
    const types = [
      "two",
      "off",
      "back",
      "one",
      "both",
      "off",
      "back",
      "two",
      "one",
      "one",
      "off",
      "back",
      "both",
    ];
    for (const [hot, cold] of both(machine, types)) expect(hot).toBe(cold);
  });

  test("are XState's own persisted form, without children", () => {
    const machine = createMachine({
      id: "odd",
      context: { n: 1, list: [{ x: null }] },
      initial: "on",
      output: { done: true },
      states: {
        on: { initial: "one", states: { one: { on: { next: "two" } }, two: {}, last: { type: "history" } }, on: { off: "off", end: "end" } }, // prettier-ignore
        off: { on: { back: "on.last" } },
        end: { type: "final" },
      },
    }) as AnyStateMachine;
    const live = createActor(machine).start();
    let { record } = begin(machine);
    for (const type of ["next", "off", "back", "end"]) {
      live.send({ type });
      ({ record } = step(machine, { address, record, event: { type }, cause: null, now: 2 }));
      const { children: _, ...persisted } = live.getPersistedSnapshot() as unknown as Record<string, unknown>;
      expect(JSON.stringify(record.snapshot)).toBe(JSON.stringify(persisted));
    }
    expect(record.snapshot).toMatchObject({ status: "done", output: { done: true } });
  });
});

test("a region that an older chart did not have is completed in the record, however little the step changes", () => {
  const machine = createMachine({
    id: "odd",
    type: "parallel",
    states: { one: { initial: "x", states: { x: {} } }, two: { initial: "z", states: { z: {} } } },
  }) as AnyStateMachine;
  const old = { ...begin(machine).record, snapshot: { status: "active", value: { one: "x" }, context: {} } };
  const { record } = step(machine, { address, record: old, event: { type: "go" }, cause: null, now: 2 });
  expect(record.snapshot).toEqual({
    status: "active",
    value: { one: "x", two: "z" },
    historyValue: {},
    context: {},
  });
});
