import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { assign, createMachine, fromPromise, raise, setup, spawnChild } from "xstate";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { loadSubjects } from "../../../api/cli/check/load.ts";
import { checkLoaded, type CheckedChart } from "../../../api/cli/check/run.ts";
import { definePort } from "../../../machines/port.ts";
import { registeredMachines, type Chart } from "../../../machines/registry.ts";
import type { ModelExamples } from "../../../runtime/model/examples.ts";
import type { Finding } from "../../../runtime/model/findings.ts";
import { modelOf, whole } from "../../machines/participant-model.ts";
import { notifierMeans } from "../../../machines/notifier/contract.ts";
import { notifierModel } from "../../machines/notifier-model.ts";
import { modelInputs, runtimeModel } from "../../machines/runtime-model.ts";
import { modelPolicies, threadModel } from "../../machines/thread-model.ts";
import { begin, type Model } from "../../../runtime/model/model.ts";
import { runProcess } from "./stage.ts";

const fixture = (name: string) => fileURLToPath(new URL(`../../fixtures/charts/${name}`, import.meta.url));

function checked(machine: Chart, examples: ModelExamples = {}, limit = 50): CheckedChart {
  return checkLoaded({ kind: machine.id, machine, examples }, { limit, strict: false });
}

const work = definePort({
  name: "work",
  input: z.object({ count: z.number() }),
  output: z.string(),
  repeat: "idempotent",
});

type Parts = Parameters<typeof setup>[0];

/** A chart that goes from `home` to `spot` and back, with something planted. */
function planted(spot: object, parts: object = {}, chart: object = {}): Chart {
  const base = { actors: { work: work.logic }, ...parts } as Parts;
  const config = {
    id: "planted",
    version: "1",
    initial: "home",
    context: {},
    states: {
      home: { description: "Here.", on: { go: "spot" } },
      spot: { description: "There.", on: { back: "home" }, ...spot },
    },
    ...chart,
  };
  // Wrong on purpose: XState's types would refuse some of them.
  const build: (config: never) => unknown = setup(base).createMachine;
  return build(config as never) as Chart;
}

const invoke = { id: "work", src: "work", input: { count: 1 }, onDone: "home", onError: "home" };
const enter = (body: unknown) => planted({ entry: "act" }, { actions: { act: body } });

interface Bad {
  rule: Finding["rule"];
  state: string;
  chart: Chart;
  examples: ModelExamples;
}

type Planted = [name: string, rule: Bad["rule"], state: string, chart: Chart, examples?: ModelExamples];

const rows: Planted[] = [
  [
    "spawn in assign",
    "spawn",
    "planted",
    enter(assign({ child: ({ spawn }: { spawn: (src: string) => unknown }) => spawn("work") })),
  ],
  ["spawnChild", "spawn", "planted", enter(spawnChild("work" as never))],
  ["an inline action", "inlineAction", "planted.spot", planted({ entry: assign({ a: 1 }) })],
  [
    "an inline guard",
    "inlineGuard",
    "planted.spot",
    planted({ on: { back: { guard: () => true, target: "home" } } }),
  ],
  ["an inline delay", "inlineDelay", "planted.spot", planted({ after: { 500: "home" } })],
  ["a systemId", "systemId", "planted.spot", planted({ invoke: { ...invoke, systemId: "worker" } })],
  [
    "an invoked machine",
    "unknownPort",
    "planted.spot",
    planted({ invoke: { ...invoke, src: "child" } }, { actors: { child: createMachine({ id: "child" }) } }),
  ],
  [
    "an invoked promise",
    "unknownPort",
    "planted.spot",
    planted({ invoke: { ...invoke, src: "live" } }, { actors: { live: fromPromise(async () => 1) } }),
  ],
  [
    "inline logic",
    "inlineActor",
    "planted.spot",
    planted({ invoke: { ...invoke, src: fromPromise(async () => 1) } }),
  ],
  [
    "an invoke without id",
    "invokeWithoutId",
    "planted.spot",
    planted({ invoke: { ...invoke, id: undefined } }),
  ],
  [
    "an invoke without onError",
    "invokeWithoutOnError",
    "planted.spot",
    planted({ invoke: { ...invoke, onError: undefined } }),
  ],
  ["a delayed raise without id", "delayWithoutId", "planted", enter(raise({ type: "back" }, { delay: 5 }))],
  ["a wildcard on errors", "errorWildcard", "planted.spot", planted({ on: { "*": "home" } })],
  ["an unknown name", "unknownName", "planted.spot", planted({ entry: "missing" })],
  ["a Date in context", "notDurable", "planted.home", enter(assign({ at: () => new Date(0) }))],
  ["a Map in context", "notDurable", "planted.home", enter(assign({ known: () => new Map() }))],
  ["NaN in context", "notDurable", "planted.home", enter(assign({ count: () => Number.NaN }))],
  [
    "an actor reference in context",
    "notDurable",
    "planted.home",
    enter(assign({ me: ({ self }: { self: unknown }) => self })),
  ],
  ["the clock", "impure", "planted", enter(assign({ at: () => Date.now() }))],
  ["the clock as an object", "impure", "planted", enter(assign({ at: () => new Date().getTime() }))],
  ["randomness", "impure", "planted", enter(assign({ dice: () => Math.random() }))],
  ["random ids", "impure", "planted", enter(assign({ id: () => crypto.randomUUID() }))],
  ["a dead end", "deadEnd", "planted.spot", planted({ on: {} })],
  [
    "an unreachable state",
    "unreachableState",
    "planted.island",
    planted({}, {}, { states: { ...planted({}).config.states, island: { on: { go: "home" } } } }),
  ],
  ["a circle of always", "circle", "planted.spot", planted({ always: "twin" }, {}, circle())],
  [
    "a circle through guards",
    "circle",
    "planted.home",
    planted({}, { guards: { yes: () => true } }, circle({ guard: "yes" })),
  ],
  [
    "wrong input of a port",
    "portInput",
    "planted.spot",
    planted({ invoke: { ...invoke, input: { count: "1" } } }),
  ],
  [
    "a guard that throws on an example",
    "chartThrows",
    "planted.home",
    planted(
      {},
      { guards: { broken: ({ event }: { event: { a: { b: number } } }) => event.a.b > 1 } },
      throwing(),
    ),
    { events: [{ type: "go" }] },
  ],
  [
    "no way out in fact",
    "stuck",
    "planted.spot",
    planted({ on: { back: { guard: "never", target: "home" } } }, { guards: { never: () => false } }),
    { events: [{ type: "go" }, { type: "back" }] },
  ],
];

function circle(always: object = {}): object {
  const twin = { description: "Twin.", always: { target: "spot", ...always } };
  const spot = { description: "There.", always: { target: "twin", ...always } };
  return { states: { home: { description: "Here.", on: { go: "spot" } }, spot, twin } };
}

function throwing(): object {
  const home = { description: "Here.", on: { go: { guard: "broken", target: "spot" } } };
  return { states: { home, spot: { description: "There.", on: { back: "home" } } } };
}

const bad = rows.map(([name, rule, state, chart, examples = {}]): [string, Bad] => [
  name,
  { rule, state, chart, examples },
]);

describe("rouse check names", () => {
  test.each(bad)("%s", (_, { rule, state, chart, examples }) => {
    const { findings, holds } = checked(chart, examples);
    expect(findings).toContainEqual(expect.objectContaining({ rule, state, severity: "error" }));
    expect(findings.find((each) => each.rule === rule)?.fix).toMatch(/\w/);
    expect(holds).toBe(false);
  });

  test("everything at once, not only the first", () => {
    const chart = planted({ entry: [() => {}, "missing"], after: { 500: "home" }, invoke: { src: "other" } });
    expect(checked(chart).findings.map(({ rule }) => rule)).toEqual(
      expect.arrayContaining([
        "inlineAction",
        "unknownName",
        "inlineDelay",
        "unknownPort",
        "invokeWithoutId",
        "invokeWithoutOnError",
      ]),
    );
  });

  test("the place that asks for the time", () => {
    const { findings } = checked(enter(assign({ at: () => Date.now() })));
    expect(findings.find(({ rule }) => rule === "impure")?.what).toMatch(
      /^Date\.now\(\) at .*check\.test\.ts:\d+$/,
    );
  });

  test("an action whose body would never run, as a warning", () => {
    const { findings, holds } = checked(enter(() => console.log("hello")));
    expect(findings).toMatchObject([{ rule: "actionNeverRun", what: "act", severity: "warning" }]);
    expect(holds).toBe(true);
    expect(checked(enter(() => {})).findings).toEqual([]);
  });

  test("a walk that would never end, as a warning", () => {
    const count = assign({
      count: ({ context }: { context: { count?: number } }) => (context.count ?? 0) + 1,
    });
    const chart = planted({ entry: "act" }, { actions: { act: count } });
    const endless = { abstraction: (at: { value: unknown; context: unknown }) => [at.value, at.context] };
    expect(checked(chart, endless, 20).findings).toMatchObject([{ rule: "endless", severity: "warning" }]);
    expect(checked(chart).findings).toEqual([]);
  });

  test("nothing in a sound chart, and gives time and randomness back afterwards", () => {
    const before = [Date, Math.random, globalThis.setTimeout];
    expect(checked(planted({ invoke })).findings).toEqual([]);
    expect([Date, Math.random, globalThis.setTimeout]).toEqual(before);
  });
});

describe("our own charts", () => {
  const walks: Record<string, readonly Model<never>[]> = {
    thread: modelPolicies.map(threadModel),
    participant: [modelOf(whole)],
    runtime: modelInputs.map(runtimeModel),
    notifier: notifierMeans.map((means) => notifierModel(means)),
  };

  /** What the models of the tests know, as plain examples. */
  function examplesOf(models: readonly Model<never>[]): ModelExamples {
    const [first] = models;
    return {
      inputs: models.map(({ input }) => input),
      events: Object.values(first!.mail(begin(first!).after)).flat(),
      outcomes: first!.outcomes,
    };
  }

  test.each(registeredMachines.map((entry) => [entry.kind, entry] as const))("%s holds", (kind, entry) => {
    const subject = { ...entry, examples: examplesOf(walks[kind]!) };
    const { findings, transitions } = checkLoaded(subject, { limit: 60, strict: false });
    expect(findings.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(transitions.filter(({ covered }) => covered).length).toBeGreaterThan(transitions.length / 3);
  });
});

describe("a file", () => {
  test("gives its actors, and charts that belong to none", async () => {
    const subjects = await loadSubjects(fixture("door.ts"));
    expect(subjects.map(({ kind, examples }) => [kind, examples.events?.length ?? 0])).toEqual([
      ["door", 1],
      ["door", 0],
    ]);
  });

  test.each([
    ["missing.ts", "there is no file"],
    ["no-chart.ts", "exports no chart"],
  ])("%s is refused: %s", async (name, message) => {
    await expect(loadSubjects(fixture(name))).rejects.toMatchObject({
      code: "invalid_input",
      message: expect.stringContaining(message),
      nextStep: expect.stringMatching(/\w/),
    });
  });
});

describe("the command", () => {
  test("exits with 0 and a table when the charts hold", async () => {
    const { code, out } = await runProcess(["check", fixture("door.ts")]);
    expect(code).toBe(0);
    expect(out).toContain("3 of 3 states reached, 6 of 6 transitions covered");
    expect(out).toMatch(/door\.ringing done ring \(2\) +yes/);
    expect(out).toMatch(/door\.shut door\.opened +no/);
  });

  test("exits with 1 and every finding when they don't", async () => {
    const { code, out } = await runProcess(["check", fixture("broken-door.ts"), "--json"]);
    expect(code).toBe(1);
    const { charts } = JSON.parse(out) as { charts: CheckedChart[] };
    expect(charts[0]?.findings.map(({ rule, state }) => [rule, state])).toEqual(
      expect.arrayContaining([
        ["inlineAction", "brokenDoor.open"],
        ["deadEnd", "brokenDoor.open"],
        ["unreachableState", "brokenDoor.painted"],
        ["impure", "brokenDoor"],
      ]),
    );
  });

  test("exits with 2 when there is no chart", async () => {
    const { code, err } = await runProcess(["check", fixture("no-chart.ts")]);
    expect(code).toBe(2);
    expect(err).toContain("exports no chart");
  });

  test("says what Node cannot strip from TypeScript", async () => {
    const folder = await mkdtemp(join(tmpdir(), "rouse-check-"));
    const file = join(folder, "colours.ts");
    await writeFile(file, "enum Colour { red }\nexport const colour = Colour.red;\n");
    const { code, err } = await runProcess(["check", file]);
    await rm(folder, { recursive: true });
    expect(code).toBe(2);
    expect(err).toMatch(/cannot be loaded.*\nnext: Node strips types only/s);
  });

  test("counts warnings and gaps when it is strict", async () => {
    expect((await runProcess(["check", fixture("door.ts"), "--strict"])).code).toBe(1);
  });

  test("draws what was not covered", async () => {
    const { out } = await runProcess(["check", fixture("broken-door.ts"), "--mermaid"]);
    expect(out).toContain("stateDiagram-v2");
    expect(out).toMatch(/class .*brokenDoor_painted.* marked/);
    expect(out).toContain("NOT COVERED opened");
  });
});
