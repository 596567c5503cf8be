import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { outcomeSender } from "../../machines/port.ts";
import { registeredMachines, releasedCharts } from "../../machines/registry.ts";
import { createMemoryStore } from "../../persistence/memory/store.ts";
import { decide } from "../../runtime/decide.ts";
import { machineHash } from "../../runtime/machine-hash.ts";
import { explore, unreachedStates } from "../../runtime/model/explore.ts";
import type { Model, Move } from "../../runtime/model/model.ts";
import { isPunctual } from "../../runtime/model/punctual.ts";
import { Registry } from "../../runtime/registry.ts";
import { replay } from "../../runtime/replay.ts";
import type { StoredActor } from "../../runtime/store.ts";
import { readGolden, recordChart, writeGolden, type GoldenChart, type GoldenSnapshot } from "./golden.ts";
import { scriptOf, wander } from "./script.ts";
import { play, StageClock } from "./stage.ts";
import { walks } from "./walks.ts";

const registry = new Registry(registeredMachines);
const current = new Map(registry.list().map(({ kind, machine }) => [kind, machineHash(machine)]));
/** Random ones, and the longest of those that end with a timer or an outcome. */
const histories = { random: 2, length: 30, directed: 8 };

if (process.env["GOLDEN"] === "record") await recordAll();

async function recordAll(): Promise<void> {
  for (const machine of registeredMachines.filter(({ kind }) => kind in walks)) {
    const { kind } = machine;
    const paths = [...randomPaths(kind), ...directedPaths(kind)];
    const scripts = paths.map((path, index) => scriptOf(kind, path, index));
    const clock = new StageClock();
    const journals = await play(createMemoryStore({ workspaceId: "golden", clock }), clock, scripts);
    writeGolden({
      ...recordChart(machine),
      histories: journals.map((journal) => ({
        address: journal[0]!.address,
        entries: journal.map(({ journalId: _journalId, address: _address, ...entry }) => entry),
      })),
    });
  }
}

interface Path {
  model: Model<never>;
  moves: readonly Move[];
}

function randomPaths(kind: string): Path[] {
  const model = walks[kind]!.whole;
  const { length, random } = histories;
  const choices = fc.sample(fc.array(fc.nat(10_000), { minLength: length, maxLength: length }), {
    seed: 3,
    numRuns: random,
  });
  return choices.map((given) => ({ model, moves: wander(model, given) }));
}

function directedPaths(kind: string): Path[] {
  const paths = walks[kind]!.models.flatMap((model) =>
    [...explore(model, { limit: 3_000, depth: 6 }).paths.values()]
      .filter(({ covers }) => covers.includes(" xstate."))
      .map(({ moves }) => ({ model, moves })),
  );
  const punctual = paths.filter(({ model, moves }) => isPunctual(model, moves));
  return punctual.toSorted((a, b) => b.moves.length - a.moves.length).slice(0, histories.directed);
}

const golden = readGolden();

describe("every released chart", () => {
  test.each([...current])("%s of today has golden snapshots", (kind, hash) => {
    const isRecorded = golden.some((chart) => chart.kind === kind && chart.hash === hash);
    const advice =
      `The chart of ${kind} is now ${hash}, of which no golden snapshots are recorded. Record them: npm run golden. ` +
      `If actors live with an earlier chart, also write a migration from it: docs/versions.md.`;
    expect(isRecorded ? null : advice).toBeNull();
  });

  test.each(releasedCharts.map((chart) => [chart.kind, chart.version, chart.hash] as const))(
    "%s version %s (%s) goes on here: it is known, or a migration leads from it",
    (kind, version, hash) => {
      const advice = `Actors stored by version ${version} of ${kind} (${hash}) would be set aside. Write a migration from it: docs/versions.md.`;
      expect(registry.runs({ kind, machineHash: hash }) ? null : advice).toBeNull();
      expect(golden.some((chart) => chart.kind === kind && chart.hash === hash)).toBe(true);
    },
  );
});

function actorIn(chart: GoldenChart, { record, now }: GoldenSnapshot): StoredActor {
  const status = record.snapshot["status"] as "active" | "done";
  return {
    ...{ address: chart.address, kind: chart.kind, subject: "", version: 7, status, updatedAt: now },
    ...{ machineVersion: chart.version, machineHash: chart.hash, record: JSON.stringify(record) },
  };
}

describe.each(golden.map((chart) => [`${chart.kind} ${chart.version} (${chart.hash})`, chart] as const))(
  "an actor stored by %s",
  (_, chart) => {
    const isCurrent = current.get(chart.kind) === chart.hash;

    test.each(chart.snapshots.map((snapshot) => [snapshot.states.join(", "), snapshot] as const))(
      "in %s goes on",
      (__, snapshot) => {
        const actor = actorIn(chart, snapshot);
        for (const { event, cause, now, transitions, states } of snapshot.next) {
          // In our charts an invoke bears the name of its port.
          const from = cause?.type === "invoke" ? outcomeSender(cause.id) : "test";
          const mail = [{ id: "1", from, event, cause, sentAt: now }];
          const commit = decide({ registry }, { actor, mail }, now);
          expect(commit).toMatchObject({ deadLetters: [], actor: { machineHash: current.get(chart.kind) } });
          expect(commit.actor.status).not.toBe("quarantined");
          if (isCurrent) expect(commit.journal).toMatchObject([{ transitions, states, dropped: null }]);
        }
      },
    );

    test.runIf(isCurrent)("is shown in every state", () => {
      const reached = new Set(chart.snapshots.flatMap(({ states }) => states));
      const shown = { vertices: new Map(), edges: 0, paths: new Map(), reached, doubled: [], isWhole: true };
      expect(unreachedStates(registry.require(chart.kind).machine, [shown])).toEqual([]);
    });

    test.runIf(isCurrent)("replays its recorded histories", () => {
      const entry = registry.require(chart.kind);
      for (const { address, entries } of chart.histories) {
        const found = replay({ address, kind: chart.kind, history: entries, registry, changed: entry });
        expect(found.unfaithful).toEqual([]);
        expect(found.events.filter(({ differs }) => differs.length > 0)).toEqual([]);
      }
    });
  },
);

test("a recorded history tells what a changed chart would have done otherwise", () => {
  const { kind, histories: recorded } = golden.find(
    ({ kind: of, hash }) => of === "participant" && hash === current.get(of),
  )!;
  const entry = registry.require(kind);
  const hasty = { ...entry, machine: entry.machine.provide({ delays: { ackTimeout: 1 } }) };
  const { address, entries } = recorded.find((history) =>
    history.entries.some(({ event }) => event.type.includes("ackTimeout")),
  )!;
  const found = replay({ address, kind, history: entries, registry, changed: hasty });
  expect(found.unfaithful).toEqual([]);
  const own = found.events.filter(({ seq }) => seq === null);
  expect(own.map(({ event }) => event.type)).toContain(
    "xstate.after.ackTimeout.participant.attention.awaitingAck",
  );
});
