import {
  assign,
  createMachine,
  emit,
  fromPromise,
  sendTo,
  spawnChild,
  type AnyActorRef,
  type AnyStateMachine,
} from "xstate";
import { describe, expect, test } from "vitest";
import { start, step, type ActorRecord } from "../../runtime/kernel.ts";
import type { Cause } from "../../runtime/store.ts";

/** What the chart rules refuse at registration, the kernel refuses too: nothing alive ever leaves it. */

const address = "odd/1";
const never = fromPromise(() => new Promise(() => {}));
const begin = (machine: AnyStateMachine) => start(machine, { address, input: {}, now: 1 });
const go = (machine: AnyStateMachine) =>
  step(machine, { address, record: begin(machine).record, event: { type: "go" }, cause: null, now: 2 });
/** A chart whose `go` does this. */
const doing = (...actions: unknown[]) =>
  createMachine({ id: "odd", on: { go: { actions: actions as [] } } }) as AnyStateMachine;

class Pane {
  readonly id = "%1";
}

describe("the kernel refuses", () => {
  test.each([
    ["an inline action", doing(() => {}), "inline or unregistered"],
    ["an action that nobody implements", doing("unheardOf"), "inline or unregistered"],
    [
      "a delayed sendTo",
      doing(sendTo(({ system }) => system.get("b/1") as AnyActorRef, { type: "x" }, { id: "d", delay: 5 })),
      "arm a timer",
    ],
    ["a sendTo without an address", doing(sendTo(({ self }) => self, { type: "x" })), "without an address"],
    ["an event emitted to no topic", doing(emit({ type: "x" })), "names no topic"],
    ["self.send", doing(assign(({ self }) => (self.send({ type: "x" }), {}))), "use raise() or sendTo()"],
    ["spawn", doing(assign(({ spawn }) => ({ child: spawn(never) as unknown }))), "invoke a port instead"],
    ["inline logic of a child", doing(spawnChild(never)), "inline logic"],
  ])("%s", (_, machine, message) => {
    expect(() => go(machine)).toThrow(message);
  });

  test.each([
    ["not a number", Number.NaN, "NaN"],
    ["infinite", Number.POSITIVE_INFINITY, "Infinity"],
    ["a function", () => {}, "function"],
    ["an instance of a class", new Pane(), "Pane"],
    ["a map", new Map(), "Map"],
  ])("context that is %s", (_, value, named) => {
    const machine = doing(assign({ deep: [{ value }] }));
    expect(() => go(machine)).toThrow(new RegExp(`deep\\[0\\]\\.value is .*${named}`));
  });

  test("a reference to an actor in the context", () => {
    const toSelf = doing(assign({ me: ({ self }) => self as unknown }));
    expect(() => go(toSelf)).toThrow(/snapshot\.context\.me is an instance of Actor/);
    const toOther = doing(assign({ peer: ({ system }) => system.get("b/1") as unknown }));
    expect(() => go(toOther)).toThrow(/snapshot\.context\.peer is an instance of InertRef/);
  });

  test("context that is nested without bound", () => {
    const nested = Array.from({ length: 70 }).reduce<unknown>((inner) => ({ inner }), null);
    expect(() => go(doing(assign({ nested })))).toThrow("nested too deeply");
  });

  test("a creation that throws", () => {
    const machine = createMachine({
      id: "odd",
      context: () => {
        throw new Error("no context");
      },
    });
    expect(() => begin(machine as AnyStateMachine)).toThrow("no context");
  });

  test("a failure of a port that the chart has no answer to", () => {
    const machine = createMachine({
      id: "odd",
      initial: "a",
      states: { a: { on: { go: "b" } }, b: { invoke: { id: "work", src: "work", onDone: "a" } } },
    }).provide({ actors: { work: never } }) as AnyStateMachine;
    const { record } = go(machine);
    const event = { type: "xstate.error.actor.work", error: { code: "internal" }, actorId: "work" };
    expect(() => step(machine, { address, record, event, cause: invoke(record), now: 3 })).toThrow(
      "failed on",
    );
  });
});

function invoke({ invokes }: ActorRecord): Cause {
  return { type: "invoke", id: "work", incarnation: invokes["work"]! };
}

const json = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value)) as Value;

test("an outcome that does not leave the invoking state counts once", () => {
  const machine = createMachine({
    id: "odd",
    initial: "a",
    context: { heard: 0 },
    states: {
      a: { on: { go: "b" } },
      b: {
        invoke: {
          id: "work",
          src: "work",
          onDone: { actions: assign({ heard: ({ context }) => context["heard"] + 1 }) },
        },
      },
    },
  }).provide({ actors: { work: never } }) as AnyStateMachine;
  const working = json(go(machine).record);
  const event = { type: "xstate.done.actor.work", output: null, actorId: "work" };
  const once = step(machine, { address, record: working, event, cause: invoke(working), now: 3 });
  expect(once.record).toMatchObject({ invokes: {}, snapshot: { value: "b", context: { heard: 1 } } });
  const twice = step(machine, { address, record: json(once.record), event, cause: invoke(working), now: 4 });
  expect(twice).toMatchObject({ dropped: "staleInvoke", intents: [] });
});

test("a final state ends invokes and timers of every level", () => {
  const machine = createMachine({
    id: "odd",
    invoke: { id: "work", src: "work" },
    after: { 5_000: { actions: [] } },
    initial: "a",
    states: { a: { on: { go: "b" } }, b: { type: "final" } },
  }).provide({ actors: { work: never } }) as AnyStateMachine;
  expect(Object.keys(begin(machine).record.invokes)).toEqual(["work"]);
  const ended = go(machine);
  expect(ended.record).toMatchObject({ invokes: {}, timers: {}, snapshot: { status: "done" } });
  expect(ended.intents.map(({ type }) => type).toSorted()).toEqual(["cancelTimer", "stopInvoke"]);
});
