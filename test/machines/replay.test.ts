import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { registeredMachines, type RegisteredMachine } from "../../machines/registry.ts";
import { SnapshotCache } from "../../runtime/snapshot-cache.ts";
import { transitionIds } from "../../runtime/transitions.ts";
import { storeFixtures } from "../runtime/stores.ts";
import { explore, untakenTransitions } from "../../runtime/model/explore.ts";
import type { Model, Move } from "../../runtime/model/model.ts";
import { isPunctual } from "../../runtime/model/punctual.ts";
import { scriptOf, wander, type Script } from "./script.ts";
import { play, StageClock } from "./stage.ts";
import { walks } from "./walks.ts";

const wanderings = { count: 12, length: 60 };

interface Suite {
  kind: string;
  machine: RegisteredMachine["machine"];
  covering: readonly Script[];
  random: readonly Script[];
}

function suiteOf({ kind, machine }: RegisteredMachine): Suite {
  const { models, whole: everything } = walks[kind]!;
  const graphs = models.map((model) => ({ model, graph: explore(model, { limit: 3_000, depth: 6 }) }));
  expect(
    untakenTransitions(
      machine,
      graphs.map(({ graph }) => graph),
    ),
  ).toEqual([]);
  const paths = graphs.flatMap(({ model, graph }) =>
    [...graph.paths.values()].map(({ moves }) => ({ model, moves })),
  );
  const choices = fc.sample(
    fc.array(fc.nat(10_000), { minLength: wanderings.length, maxLength: wanderings.length }),
    { seed: 7, numRuns: wanderings.count },
  );
  const random = choices.map((given): { model: Model<never>; moves: Move[] } => ({
    model: everything,
    moves: wander(everything, given),
  }));
  return {
    kind,
    machine,
    covering: paths
      .filter(({ model, moves }) => isPunctual(model, moves))
      .map((path, index) => scriptOf(kind, path, index)),
    random: random.map((path, index) => scriptOf(kind, path, index)),
  };
}

const suites = registeredMachines.map(suiteOf);

describe.each(storeFixtures())("the engine $name", ({ open, close }) => {
  afterAll(close);

  describe.each(suites)("moves a $kind as the kernel alone does", ({ machine, covering, random }) => {
    test(`along ${covering.length} paths that take every transition of the chart`, async () => {
      const clock = new StageClock();
      const journals = await play(await open(clock), clock, covering);
      const taken = new Set(journals.flat().flatMap(({ transitions }) => transitions));
      expect([...transitionIds(machine).values()].filter((id) => !taken.has(id))).toEqual([]);
    });

    test(`along ${random.length} random paths of up to ${wanderings.length} moves`, async () => {
      const clock = new StageClock();
      await play(await open(clock), clock, random);
    });

    test(`along ${random.length} random paths, with records kept in memory`, async () => {
      const clock = new StageClock();
      await play(await open(clock), clock, random, new SnapshotCache());
    });
  });
});
