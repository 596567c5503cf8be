import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { RegisteredMachine } from "../../machines/registry.ts";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { createEngine } from "../../runtime/command.ts";
import { Registry } from "../../runtime/registry.ts";
import { replay, type HistoryEntry, type Replay } from "../../runtime/replay.ts";
import type { Store } from "../../runtime/store.ts";
import { turn } from "../../runtime/turn.ts";
import { ManualClock } from "../manual-clock.ts";
import { benchEntry } from "./bench-chart.ts";
import { first, second } from "./job-charts.ts";
import { storeFixtures } from "./stores.ts";

const doorbell = createMemoryDoorbell();

/** The same chart but for one thing. */
function changedBench(change: (config: BenchConfig) => void): RegisteredMachine {
  const { machine } = benchEntry;
  const config = structuredCloneWithFunctions(machine.config) as BenchConfig;
  change(config);
  const changed = machine.provide({});
  const Machine = changed.constructor as new (config: unknown, implementations: unknown) => typeof machine;
  return { ...benchEntry, machine: new Machine(config, machine.implementations) };
}

interface BenchConfig {
  states: Record<
    string,
    { after?: Record<string, object>; on?: Record<string, unknown>; invoke?: Record<string, unknown> }
  >;
}

function structuredCloneWithFunctions(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structuredCloneWithFunctions);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, entry]) => [key, structuredCloneWithFunctions(entry)]),
  );
}

describe.each(storeFixtures())("a history recorded $name", ({ open, close }) => {
  let clock: ManualClock;
  let store: Store;
  const registry = new Registry([benchEntry]);

  beforeEach(async () => {
    clock = new ManualClock();
    store = await open(clock);
    const engine = createEngine({ store, registry, doorbell });
    await store.transaction((tx) =>
      engine.create(tx, { kind: "bench", address: "bench/1", input: { n: 1 } }),
    );
  });

  afterAll(close);

  const turns = async () => {
    while ((await turn({ store, registry, doorbell })) > 0);
  };
  const send = async (...types: string[]) => {
    await store.transaction((tx) =>
      tx.send(types.map((type) => ({ to: "bench/1", from: "test", event: { type } }))),
    );
    await turns();
  };
  const answer = async (n: number) => {
    const request = { nodeId: "n", host: "here", ports: ["fetchPart"], limit: 10, leaseMs: 60_000 };
    for (const { lease } of await store.claimEffects(request))
      await store.settleEffect(lease, { status: "done", output: { n } });
    await turns();
  };
  const historyOf = (): Promise<HistoryEntry[]> => store.listJournal({ address: "bench/1", limit: 1_000 });
  const replayed = async (changed: RegisteredMachine | null): Promise<Replay> =>
    replay({ address: "bench/1", kind: "bench", history: await historyOf(), registry, changed });
  const differing = ({ events }: Replay) =>
    events
      .filter(({ differs }) => differs.length > 0)
      .map(({ seq, event, differs, changed }) => [seq, event.type, changed?.fate, [...differs]]);

  const aDay = async () => {
    await send("told", "fetch", "told");
    await answer(2);
    await send("wait");
    await clock.advance(10_000);
    await store.fireTimers({ limit: 10 });
    await turns();
    await send("wait", "leave", "nothing", "shout");
  };

  test("comes out as it was recorded, and an unchanged chart changes nothing", async () => {
    await aDay();
    const found = await replayed(benchEntry);
    expect(found.unfaithful).toEqual([]);
    expect(differing(found)).toEqual([]);
    expect(found.events).toHaveLength((await historyOf()).length);
  });

  test("shows the event that another chart would have let pass, and what follows from it", async () => {
    await aDay();
    const changed = changedBench(({ states }) => delete states["idle"]!.on!["fetch"]);
    expect(differing(await replayed(changed))).toEqual([
      [3, "fetch", "applied", ["states", "transitions", "effects"]],
      [4, "told", "applied", ["states"]],
      [5, "xstate.done.actor.fetchPart", "absent", ["fate", "transitions", "effects"]],
    ]);
  });

  test("shows a timer that would have fired earlier, at its own time", async () => {
    await send("wait");
    await clock.advance(9_000);
    await send("told");
    await clock.advance(1_000);
    await store.fireTimers({ limit: 10 });
    await turns();
    const { machine } = benchEntry;
    const impatient = { ...benchEntry, machine: machine.provide({ delays: { patience: 2_000 } }) };
    const found = await replayed(impatient);
    expect(found.unfaithful).toEqual([]);
    expect(differing(found)).toEqual([
      [2, "wait", "applied", ["timers"]],
      [null, "xstate.after.patience.bench.waiting", "applied", ["fate"]],
      [3, "told", "applied", ["states"]],
      [4, "xstate.after.patience.bench.waiting", "absent", ["fate", "transitions"]],
    ]);
    expect(found.events[2]!.at - found.events[1]!.at).toBe(2_000);
  });

  test("shows that a poison event would have been taken", async () => {
    await send("poison");
    const healed = {
      ...benchEntry,
      machine: benchEntry.machine.provide({ guards: { explodes: () => true } }),
    };
    expect(differing(await replayed(healed))).toEqual([
      [2, "poison", "applied", ["fate", "states", "transitions", "timers"]],
    ]);
  });

  test("that was tampered with does not come out as recorded", async () => {
    await aDay();
    const history = (await historyOf()).map((entry) =>
      entry.event.type === "fetch" ? { ...entry, states: ["bench.stamping"] } : entry,
    );
    const request = { address: "bench/1" as const, kind: "bench", registry, changed: null };
    expect(replay({ ...request, history }).unfaithful).toEqual([{ seq: 3, differs: ["states"] }]);
    expect(() => replay({ ...request, history: history.slice(1) })).toThrow("has no entry 1");
    expect(() => replay({ ...request, history, registry: new Registry([]) })).toThrow(
      expect.objectContaining({ code: "machine_version_mismatch" }),
    );
  });

  test("goes on through a migration", async () => {
    const address = "job/1";
    const engine = createEngine({ store, registry: new Registry([first]), doorbell });
    await store.transaction((tx) => engine.create(tx, { kind: "job", address, input: {} }));
    const sendJob = async (charts: Registry, type: string) => {
      await store.transaction((tx) => tx.send([{ to: address, from: "test", event: { type } }]));
      while ((await turn({ store, registry: charts, doorbell })) > 0);
    };
    await sendJob(new Registry([first]), "begin");
    await sendJob(new Registry([second]), "nothing");
    await clock.advance(2_000);
    await store.fireTimers({ limit: 10 });
    await sendJob(new Registry([second]), "begin");
    const history = await store.listJournal({ address, limit: 100 });
    const both = new Registry([first, second]);
    const found = replay({ address, kind: "job", history, registry: both, changed: second });
    expect(found).toMatchObject({ unfaithful: [], skipped: 1 });
    expect(differing(found)[0]).toEqual([2, "begin", "applied", ["states", "effects", "timers"]]);
  });
});
