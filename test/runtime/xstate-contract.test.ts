import {
  assign,
  createActor,
  createMachine,
  fromPromise,
  initialTransition,
  raise,
  setup,
  transition,
} from "xstate";
import { describe, expect, test } from "vitest";

/**
 * The kernel stands on these facts of XState 5.33.3 (`docs/architecture.md`, "The kernel"). An upgrade that breaks one
 * fails here first, with the fact's name, before any chart misbehaves.
 */

const port = fromPromise<unknown, unknown>(() => new Promise(() => {}));

const chart = setup({
  types: { events: {} as { type: string } },
  actors: { port },
}).createMachine({
  id: "fact",
  initial: "waiting",
  states: {
    waiting: {
      invoke: { id: "work", src: "port", input: { q: 1 }, onDone: "finished", onError: "failed" },
      after: { 500: "late" },
      on: { OUT: "late", AGAIN: { target: "waiting", reenter: true } },
    },
    finished: { on: { BACK: "waiting" } },
    failed: {},
    late: {},
  },
});

const persisted = (snapshot: Parameters<typeof chart.getPersistedSnapshot>[0]) =>
  JSON.parse(JSON.stringify(chart.getPersistedSnapshot(snapshot))) as ReturnType<
    typeof chart.getPersistedSnapshot
  >;
const scope = { self: createActor(chart) } as unknown as Parameters<typeof chart.restoreSnapshot>[1];
const types = (actions: readonly { type: string }[]) => actions.map(({ type }) => type);

describe("XState, as the kernel needs it", () => {
  test("a transition returns its actions as data and runs nothing", () => {
    let runs = 0;
    const counting = chart.provide({ actors: { port: fromPromise<unknown, unknown>(async () => ++runs) } });
    const [, actions] = initialTransition(counting);
    expect(types(actions)).toEqual(["xstate.raise", "xstate.spawnChild"]);
    expect(runs).toBe(0);
  });

  test("an invoke's action carries its id, source and resolved input", () => {
    const [, actions] = initialTransition(chart);
    const spawn = actions.find(({ type }) => type === "xstate.spawnChild") as unknown as {
      params: { actorRef: { id: string }; src: string; input: unknown };
    };
    expect(spawn.params).toMatchObject({ actorRef: { id: "work" }, src: "port", input: { q: 1 } });
  });

  test("exits cancel before entries arm, so actions must be read in order", () => {
    const [snapshot] = initialTransition(chart);
    const [, actions] = transition(chart, snapshot, { type: "AGAIN" });
    expect(types(actions)).toEqual([
      "xstate.cancel",
      "xstate.stopChild",
      "xstate.raise",
      "xstate.spawnChild",
    ]);
  });

  test("the params of stopChild are the reference itself, undefined when no such child is known", () => {
    const [snapshot] = initialTransition(chart);
    const stopOf = (from: typeof snapshot) =>
      transition(chart, from, { type: "OUT" })[1].find(
        ({ type }: { type: string }) => type === "xstate.stopChild",
      );
    expect(stopOf(snapshot)?.params).toMatchObject({ id: "work" });
    const childless = chart.resolveState({ value: "waiting", context: {} });
    expect(stopOf(childless)?.params).toBeUndefined();
  });

  test("resolveState loses children where restoreSnapshot keeps them", () => {
    const [snapshot] = initialTransition(chart);
    const json = persisted(snapshot);
    expect(Object.keys(chart.restoreSnapshot(json as never, scope).children)).toEqual(["work"]);
    expect(Object.keys(chart.resolveState(json as never).children)).toEqual([]);
  });

  test("a raise without delay is consumed inside the step; with a delay, zero included, it is handed out", () => {
    const raising = createMachine({
      initial: "a",
      states: { a: { entry: raise({ type: "NOW" }), on: { NOW: "b" } }, b: {} },
    });
    expect(initialTransition(raising)[0].value).toBe("b");
    const delayed = createMachine({ initial: "a", states: { a: { after: { 0: "b" } }, b: {} } });
    const [snapshot, actions] = initialTransition(delayed);
    expect(snapshot.value).toBe("a");
    expect(actions[0]).toMatchObject({ type: "xstate.raise", params: { delay: 0, id: expect.any(String) } });
  });

  test("a stale completion and a stale timer are accepted after re-entry: the kernel must fence", () => {
    const [first] = initialTransition(chart);
    const [again] = transition(chart, first, { type: "AGAIN" });
    expect(transition(chart, again, { type: "xstate.done.actor.work" })[0].value).toBe("finished");
    expect(transition(chart, again, { type: "xstate.after.500.fact.waiting" })[0].value).toBe("late");
  });

  test("an unhandled error of an invoke puts the actor into status error", () => {
    const [first] = initialTransition(chart);
    const [done] = transition(chart, first, { type: "xstate.done.actor.work" });
    const event = { type: "xstate.error.actor.work", error: "x" };
    expect(transition(chart, done, event)[0].status).toBe("error");
  });

  test("a throwing guard or assign throws out of the transition", () => {
    const throwing = createMachine({
      context: {},
      on: {
        GUARD: { guard: () => { throw new Error("guard"); }, actions: [] }, // prettier-ignore
        ASSIGN: { actions: assign(() => { throw new Error("assign"); }) }, // prettier-ignore
      },
    });
    const [snapshot] = initialTransition(throwing);
    expect(() => transition(throwing, snapshot, { type: "GUARD" })).toThrow("guard");
    expect(() => transition(throwing, snapshot, { type: "ASSIGN" })).toThrow("assign");
  });

  test("a removed state throws on restore, an added region is completed without its entry actions", () => {
    const old = { status: "active", value: { one: "x" }, context: {}, children: {}, historyValue: {} };
    const removed = createMachine({ type: "parallel", states: { one: { initial: "y", states: { y: {} } } } });
    expect(() => removed.restoreSnapshot(old as never, scope as never)).toThrow("x");
    const added = createMachine({
      type: "parallel",
      states: {
        one: { initial: "x", states: { x: {} } },
        two: { initial: "z", states: { z: { entry: "shout" } } },
      },
    });
    expect(added.restoreSnapshot(old as never, scope as never).value).toEqual({ one: "x", two: "z" });
  });

  test("the definition omits eventless transitions, so the hash is taken from the config", () => {
    const eventless = createMachine({ initial: "a", states: { a: { always: "b" }, b: {} } });
    expect(JSON.stringify(eventless.definition)).not.toContain("always");
    expect(JSON.stringify(eventless.config)).toContain("always");
  });

  test("history survives the persisted form", () => {
    let [snapshot] = initialTransition(historic);
    for (const type of ["NEXT", "OFF"]) [snapshot] = transition(historic, snapshot, { type });
    const json: unknown = JSON.parse(JSON.stringify(historic.getPersistedSnapshot(snapshot)));
    const restored = historic.restoreSnapshot(json as never, scope as never);
    expect(transition(historic, restored, { type: "ON" })[0].value).toEqual({ on: "two" });
  });

  test("the persisted form is status, output, error, state, history, context, children, in this order", () => {
    const [snapshot] = initialTransition(historic);
    expect(Object.keys(historic.getPersistedSnapshot(snapshot))).toEqual([
      "status",
      "output",
      "error",
      "value",
      "historyValue",
      "context",
      "children",
    ]);
  });

  test("a plain context is persisted as it is, the very object", () => {
    const [snapshot] = initialTransition(plain);
    const stored = plain.getPersistedSnapshot(snapshot) as unknown as { context: unknown };
    expect(stored.context).toBe(snapshot.context);
  });

  test("what is restored depends on state and history alone: context and children may be put in afterwards", () => {
    let [snapshot] = initialTransition(historic);
    for (const type of ["NEXT", "OFF"]) [snapshot] = transition(historic, snapshot, { type });
    const stored = { ...json(historic.getPersistedSnapshot(snapshot)), context: { deep: [{ n: 1 }] } };
    const whole = historic.restoreSnapshot(stored, scope as never);
    const later = historic.restoreSnapshot({ ...stored, context: {} } as never, scope as never);
    expect({ ...later, context: stored.context }).toEqual({ ...whole });
    expect(whole.context).toBe(stored.context);
  });

  test("a step that leaves every state hands the list of active nodes on; another makes a new one", () => {
    const [snapshot] = initialTransition(plain);
    const [noted] = transition(plain, snapshot, { type: "NOTE" });
    expect(noted.context).not.toBe(snapshot.context);
    expect(nodesOf(noted)).toBe(nodesOf(snapshot));
    expect(nodesOf(transition(plain, snapshot, { type: "GO" })[0])).not.toBe(nodesOf(snapshot));
  });

  test("a step changes nothing of the snapshot it begins with, so that many actors may share one", () => {
    let [snapshot] = initialTransition(historic);
    for (const type of ["NEXT", "OFF", "ON", "OFF"]) {
      const { _nodes, historyValue, value } = snapshot as unknown as Record<string, object>;
      for (const part of [_nodes, historyValue, value, snapshot]) Object.freeze(part);
      [snapshot] = transition(historic, snapshot, { type });
    }
    expect(snapshot.value).toBe("off");
  });
});

const plain = createMachine({
  id: "plain",
  context: { notes: [{ n: 1 }] as { n: number }[], other: { deep: [null, "x"] } },
  initial: "a",
  states: {
    a: {
      on: { NOTE: { actions: assign({ notes: ({ context }) => [...context.notes, { n: 2 }] }) }, GO: "b" },
    },
    b: {},
  },
});

const historic = createMachine({
  initial: "on",
  states: {
    on: {
      initial: "one",
      states: { one: { on: { NEXT: "two" } }, two: {}, last: { type: "history" } },
      on: { OFF: "off" },
    },
    off: { on: { ON: "on.last" } },
  },
});

function json<Value>(value: Value): Value {
  return JSON.parse(JSON.stringify(value)) as Value;
}

function nodesOf(snapshot: unknown): unknown {
  return (snapshot as { _nodes: unknown })._nodes;
}
