import { describe, expect, test } from "vitest";
import {
  assign,
  createMachine,
  enqueueActions,
  fromPromise,
  not,
  raise,
  sendTo,
  setup,
  spawnChild,
} from "xstate";
import { registeredMachines, type Chart } from "../../machines/registry.ts";
import { chartRules, checkChart, requireLawfulChart, type ChartRule } from "../../runtime/chart-rules.ts";

const port = fromPromise(() => Promise.resolve());
const ports = [{ name: "work" }];
const description = "There is something to read here.";

const vocabulary = setup({
  actors: { work: port, other: port },
  guards: { always: () => true },
  delays: { soon: 10 },
  actions: { note: () => {} },
});

/** A lawful chart, except for what the planted state holds. */
function chartWith(planted: object, using = vocabulary): Chart {
  const config = {
    id: "planted",
    version: "1",
    initial: "home",
    states: {
      home: { description, on: { go: "spot" } },
      spot: { description, on: { back: "home" }, ...planted },
    },
  };
  // The planted states are wrong on purpose, so XState's types would refuse some of them.
  const build: (config: never) => unknown = using.createMachine;
  return build(config as never) as Chart;
}

const invoke = { id: "work", src: "work", onDone: "home", onError: "home" };

const planted: [ChartRule, string, Chart][] = [
  ["missingVersion", "planted", createMachine({ id: "planted" })],
  ["missingDescription", "planted.spot", chartWith({ description: " " })],
  ["inlineAction", "planted.spot", chartWith({ entry: () => {} })],
  ["inlineAction", "planted.spot", chartWith({ on: { back: { target: "home", actions: assign({}) } } })],
  ["inlineGuard", "planted.spot", chartWith({ on: { back: { target: "home", guard: not("always") } } })],
  ["inlineGuard", "planted.spot", chartWith({ always: { target: "home", guard: () => true } })],
  ["inlineDelay", "planted.spot", chartWith({ after: { 500: "home" } })],
  ["unknownName", "planted.spot", chartWith({ exit: "missing" })],
  [
    "unknownName",
    "planted.spot",
    chartWith({ on: { back: { target: "home", guard: { type: "missing" } } } }),
  ],
  ["unknownName", "planted.spot", chartWith({ after: { later: "home" } })],
  ["inlineActor", "planted.spot", chartWith({ invoke: { ...invoke, src: port } })],
  ["unknownPort", "planted.spot", chartWith({ invoke: { ...invoke, src: "other" } })],
  ["invokeWithoutId", "planted.spot", chartWith({ invoke: { ...invoke, id: undefined } })],
  ["invokeWithoutOnError", "planted.spot", chartWith({ invoke: { ...invoke, onError: undefined } })],
  ["systemId", "planted.spot", chartWith({ invoke: { ...invoke, systemId: "worker" } })],
  ["errorWildcard", "planted.spot", chartWith({ on: { "*": "home" } })],
  ["errorWildcard", "planted.spot", chartWith({ on: { "xstate.error.*": "home" } })],
  ["deadEnd", "planted.spot", chartWith({ on: {} })],
  ["deadEnd", "planted.spot", chartWith({ on: { again: { target: "spot", reenter: true } } })],
];

const implementations: [ChartRule, string, object][] = [
  ["spawn", "spawnChild()", spawnChild("work" as never)],
  [
    "spawn",
    "spawn in assign",
    assign({ child: ({ spawn }: { spawn: (src: string) => unknown }) => spawn("work") }),
  ],
  ["spawn", "spawn in a whole assign", assign(({ spawn }) => ({ child: spawn("work" as never) }))],
  ["spawn", "spawnChild when enqueued", enqueueActions(({ enqueue }) => enqueue.spawnChild("work" as never))],
  ["delayWithoutId", "delayed raise", raise({ type: "back" }, { delay: 5 })],
  ["delayedSend", "delayed send", sendTo("thread/t", { type: "back" }, { delay: 5, id: "later" })],
];

describe("a chart is refused, with its state named", () => {
  test.each(planted)("%s in %s", (rule, state, chart) => {
    expect(checkChart(chart, ports)).toContainEqual(expect.objectContaining({ rule, state }));
  });

  test.each(implementations)("%s: %s", (rule, _, action) => {
    const chart = chartWith(
      {},
      setup({ actors: { work: port, other: port }, actions: { act: action as never } }) as never,
    );
    expect(checkChart(chart, ports)).toEqual([{ rule, state: "planted", what: "act" }]);
  });

  test("spawn in the first context", () => {
    const chart = createMachine({
      id: "planted",
      version: "1",
      context: ({ spawn }) => ({ child: spawn(port) }),
    });
    expect(checkChart(chart, ports)).toContainEqual({ rule: "spawn", state: "planted", what: "context" });
  });

  test("every rule has a planted violation", () => {
    const rules = [...planted, ...implementations].map(([rule]) => rule);
    expect(Object.keys(chartRules).filter((rule) => !rules.includes(rule as ChartRule))).toEqual([]);
  });

  test("the error lists rule and state", () => {
    expect(() => requireLawfulChart(chartWith({ entry: () => {} }), ports)).toThrow(
      expect.objectContaining({
        code: "machine_forbidden_construct",
        message: expect.stringContaining("planted.spot (entry): an action has no registered name"),
      }),
    );
  });
});

describe("a lawful chart passes", () => {
  test("with an invoke, a named delay and a raise that has an id", () => {
    const using = setup({
      actors: { work: port, other: port },
      delays: { soon: 10 },
      actions: { note: raise({ type: "back" }, { delay: 5, id: "later" }) },
    });
    const chart = chartWith({ invoke, entry: "note", after: { soon: "home" } }, using as never);
    expect(checkChart(chart, ports)).toEqual([]);
  });

  test.each(registeredMachines.map((entry) => [entry.kind, entry] as const))(
    "%s",
    (_, { machine, ports: own }) => {
      expect(checkChart(machine, own)).toEqual([]);
      expect(() => requireLawfulChart(machine, own)).not.toThrow();
    },
  );
});
