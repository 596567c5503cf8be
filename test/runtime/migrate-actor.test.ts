import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { createEngine } from "../../runtime/command.ts";
import type { ActorRecord } from "../../runtime/kernel.ts";
import { Registry, type MachineEntry } from "../../runtime/registry.ts";
import type { Store } from "../../runtime/store.ts";
import { turn } from "../../runtime/turn.ts";
import { ManualClock } from "../manual-clock.ts";
import { first, hashes, otherPortWith, second, thirdWith, toSecond } from "./job-charts.ts";
import { storeFixtures } from "./stores.ts";

const address = "job/1";
const doorbell = createMemoryDoorbell();

describe.each(storeFixtures())("an actor of an earlier chart $name", ({ open, close }) => {
  let clock: ManualClock;
  let store: Store;

  beforeEach(async () => {
    clock = new ManualClock();
    store = await open(clock);
    const engine = createEngine({ store, registry: new Registry([first]), doorbell });
    await store.transaction((tx) => engine.create(tx, { kind: "job", address, input: {} }));
  });

  afterAll(close);

  const send = (type: string) =>
    store.transaction((tx) => tx.send([{ to: address, from: "test", event: { type } }]));
  const turnsOf = async (...entries: MachineEntry[]) => {
    while ((await turn({ store, registry: new Registry(entries), doorbell })) > 0);
  };
  const stored = async () => {
    const actor = (await store.getActor(address))!;
    return { ...actor, record: JSON.parse(actor.record) as ActorRecord };
  };
  const openEffects = async () =>
    (await store.listEffects({ address, limit: 10 }))
      .filter(({ status }) => status === "pending")
      .toSorted((a, b) => a.incarnation - b.incarnation)
      .map(({ invokeId, incarnation }) => [invokeId, incarnation]);
  const working = async () => {
    await send("begin");
    await turnsOf(first);
  };

  test("is migrated with its next mail: what goes on keeps its incarnation, the rest is withdrawn or begun", async () => {
    await working();
    const before = await stored();
    await send("nothing");
    await turnsOf(second);
    const { record, ...actor } = await stored();
    expect(actor).toMatchObject({ machineVersion: "2", machineHash: hashes.second, status: "active" });
    expect(record.snapshot).toMatchObject({ value: "running", context: { log: ["working"] } });
    expect(record.invokes).toEqual({
      fetch: before.record.invokes["fetch"],
      stamp: before.record.incarnation + 2,
    });
    expect(record.timers).toEqual({ "xstate.after.nap.job.running": before.record.incarnation + 1 });
    expect(await openEffects()).toEqual([
      ["fetch", before.record.invokes["fetch"]],
      ["stamp", before.record.incarnation + 2],
    ]);
    expect(await store.listTimers(address)).toEqual([
      {
        id: "xstate.after.nap.job.running",
        incarnation: before.record.incarnation + 1,
        dueAt: clock.now() + 2_000,
      },
    ]);
    const journal = await store.listJournal({ address, limit: 10 });
    expect(journal.map(({ seq, event }) => [seq, event.type])).toEqual([
      [1, "actor.created"],
      [2, "begin"],
      [3, "machine.migrated"],
      [4, "nothing"],
    ]);
    expect(journal[2]).toMatchObject({
      event: { before: { version: "1", hash: hashes.first }, after: { version: "2", hash: hashes.second } },
      states: ["job.running"],
      machineHash: hashes.second,
    });
  });

  test("takes the outcome of what it began before, and the timer that the new chart armed", async () => {
    await working();
    await send("nothing");
    await turnsOf(second);
    await clock.advance(2_000);
    expect((await store.fireTimers({ limit: 10 })).fired).toBe(1);
    await turnsOf(second);
    const { record } = await stored();
    expect(record).toMatchObject({ snapshot: { value: "idle" }, invokes: {}, timers: {} });
    expect(await openEffects()).toEqual([]);
  });

  /** Of what `working` began. */
  const settleFetch = async () => {
    const [effect] = await store.claimEffects({
      ...{ nodeId: "n", host: "h", ports: ["fetchPart"], leaseMs: 1_000, limit: 1 },
    });
    await store.settleEffect(effect!.lease, { status: "done", output: { part: "a" } });
  };

  test("takes no outcome of a port that its chart no longer asks under that id: it is set aside with it", async () => {
    await working();
    await settleFetch();
    await turnsOf(otherPortWith({}));
    expect(await stored()).toMatchObject({
      status: "quarantined",
      record: { snapshot: { value: "running" } },
    });
    expect((await store.listDeadLetters({ limit: 10 })).rows).toMatchObject([
      { from: "effect/fetchPart", error: { code: "port_value_invalid" } },
    ]);
  });

  test("asks the new port when its migration restarts the id; the old outcome is late then", async () => {
    await working();
    await settleFetch();
    await turnsOf(otherPortWith({ restarts: ["fetch"] }));
    expect(await stored()).toMatchObject({ status: "active", record: { snapshot: { value: "running" } } });
    const ports = (await store.listEffects({ address, limit: 10 })).map(({ port, status }) => [port, status]);
    expect(ports).toContainEqual(["stampPart", "pending"]);
  });

  test("takes every step of a chain in one turn, and one journal entry tells of it", async () => {
    await working();
    await send("leave");
    await turnsOf(thirdWith((state) => ({ ...state, value: { work: state.value, count: {} } })));
    expect((await stored()).record.snapshot).toMatchObject({
      value: { work: "idle", count: {} },
      context: { log: ["working", "left"] },
    });
    const journal = await store.listJournal({ address, limit: 10 });
    expect(journal.filter(({ event }) => event.type === "machine.migrated")).toHaveLength(1);
  });

  test("goes on with its old chart when that is kept and nothing leads to the new one", async () => {
    await working();
    await send("leave");
    await turnsOf(first, { ...second, migrations: [] });
    expect(await stored()).toMatchObject({
      machineHash: hashes.first,
      record: { snapshot: { value: "idle" } },
    });
  });

  test("is migrated although its old chart is kept when something leads to the new one", async () => {
    await working();
    await send("leave");
    await turnsOf(first, second);
    expect((await stored()).machineHash).toBe(hashes.second);
  });

  test.each([
    ["a state that is gone", "rest", second, "state job has no state resting"],
    [
      "a region that the migration forgot",
      "begin",
      thirdWith((state) => ({ ...state, value: { work: state.value } })),
      "region job.count is missing",
    ],
    [
      "a compound state without its child",
      "begin",
      thirdWith((state) => ({ ...state, value: { work: {}, count: {} } })),
      "exactly one state of job.work",
    ],
    [
      "a migration that throws",
      "begin",
      thirdWith(() => {
        throw new Error("no idea");
      }),
      "no idea",
    ],
    [
      "a context that is no JSON",
      "begin",
      thirdWith((state) => ({
        ...state,
        value: { work: state.value, count: {} },
        context: { at: new Date(0) },
      })),
      "an instance of Date",
    ],
  ])("is set aside, whole, by %s", async (_, event, entry, why) => {
    await send(event);
    await turnsOf(first);
    const before = await stored();
    const effects = await openEffects();
    const timers = await store.listTimers(address);
    await send("leave");
    await turnsOf(entry);
    expect(await stored()).toEqual({ ...before, version: before.version + 1, status: "quarantined" });
    expect(await openEffects()).toEqual(effects);
    expect(await store.listTimers(address)).toEqual(timers);
    const [last] = (await store.listJournal({ address, limit: 10 })).slice(-1);
    expect(last).toMatchObject({
      event: {
        type: "machine.migrationFailed",
        error: { code: "machine_migration_failed", message: expect.stringContaining(why) as string },
      },
      dropped: "migrationFailed",
      machineHash: hashes.first,
    });
    const claim = await store.transaction((tx) => tx.claimActor(address));
    expect(claim?.mail.map((mail) => mail.event.type)).toEqual(["leave"]);
  });

  test("is migrated by a command, too; one that cannot be migrated refuses it and stays as it is", async () => {
    await working();
    const commandOn = (entry: MachineEntry) => {
      const engine = createEngine({ store, registry: new Registry([entry]), doorbell });
      return store.transaction((tx) =>
        engine.command(tx, { to: address, event: { type: "leave" }, from: "ada" }),
      );
    };
    const before = await stored();
    const broken = thirdWith((state) => state);
    await expect(commandOn(broken)).rejects.toMatchObject({ code: "machine_migration_failed" });
    await expect(commandOn({ ...second, migrations: [] })).rejects.toMatchObject({
      code: "machine_version_mismatch",
      retryable: true,
    });
    expect(await stored()).toEqual(before);
    expect(await commandOn(second)).toMatchObject({
      taken: true,
      before: ["job.running"],
      after: ["job.idle"],
    });
  });

  test("begins anew what its migration restarts, and not again what it knows to have ended", async () => {
    await working();
    const before = await stored();
    await send("nothing");
    await turnsOf({ ...second, migrations: [{ ...toSecond, restarts: ["fetch"], known: ["stamp"] }] });
    const { record } = await stored();
    expect(record.invokes).toEqual({ fetch: before.record.incarnation + 2 });
    expect(await openEffects()).toEqual([["fetch", before.record.incarnation + 2]]);
  });
});

describe("a registry", () => {
  test.each([
    ["lead nowhere", [{ ...toSecond, to: "elsewhere" }]],
    ["run in a circle", [toSecond, { ...toSecond, from: "x", to: "y" }, { ...toSecond, from: "y", to: "x" }]],
    ["lead two ways from one chart", [toSecond, { ...toSecond }]],
    ["lead away from the current chart", [{ ...toSecond, from: hashes.second, to: hashes.first }, toSecond]],
  ])("refuses migrations that %s", (_, migrations) => {
    expect(() => new Registry([{ ...second, migrations }])).toThrow(
      expect.objectContaining({ code: "machine_forbidden_construct" }),
    );
  });
});
