import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { createEngine } from "../../runtime/command.ts";
import type { ActorRecord } from "../../runtime/kernel.ts";
import { releaseActor } from "../../runtime/quarantine.ts";
import { Registry, type MachineEntry } from "../../runtime/registry.ts";
import { settleCharts } from "../../runtime/settle-charts.ts";
import type { Store } from "../../runtime/store.ts";
import { turn, type ForeignCharts } from "../../runtime/turn.ts";
import { ManualClock } from "../manual-clock.ts";
import { nodeBeat } from "../persistence/conformance/subject.ts";
import { first, hashes, second, thirdWith } from "./job-charts.ts";
import { spoilRecord } from "./spoil-record.ts";
import { storeFixtures } from "./stores.ts";

const doorbell = createMemoryDoorbell();
const nodeLostMs = 1_000;
const address = "job/1";

describe.each(storeFixtures())("nodes with different charts $name", ({ open, close }) => {
  let clock: ManualClock;
  let store: Store;

  beforeEach(async () => {
    clock = new ManualClock();
    store = await open(clock);
  });

  afterAll(close);

  /** A node, as far as charts go. */
  const nodeOf = (nodeId: string, ...entries: MachineEntry[]) => {
    const registry = new Registry(entries);
    const foreign: ForeignCharts = { wereMet: false };
    const engine = createEngine({ store, registry, doorbell });
    return {
      beat: () => store.beatNode(nodeBeat({ nodeId, instance: nodeId, charts: registry.charts })),
      leave: () => store.removeNode({ nodeId, instance: nodeId }),
      create: (to: `job/${string}`) =>
        store.transaction((tx) => engine.create(tx, { kind: "job", address: to, input: {} })),
      command: (type: string) =>
        store.transaction((tx) => engine.command(tx, { to: address, event: { type }, from: "ada" })),
      turns: async () => {
        let moved = 0;
        for (let now = 1; now > 0; moved += now) now = await turn({ store, registry, doorbell, foreign });
        return moved;
      },
      settle: () => settleCharts({ store, registry, nodeLostMs }),
    };
  };
  const send = (type: string, to: `job/${string}` = address) =>
    store.transaction((tx) => tx.send([{ to, from: "test", event: { type } }]));
  const actorOf = async (of: `job/${string}` = address) => {
    const actor = (await store.getActor(of))!;
    const { snapshot } = JSON.parse(actor.record) as ActorRecord;
    return { status: actor.status, hash: actor.machineHash, value: snapshot["value"] };
  };
  const errorsOf = async () =>
    (await store.listJournal({ address, limit: 100 })).flatMap(({ event }) =>
      event.type === "machine.missing" ? [event["error"]] : [],
    );

  test("bring back also whose record cannot be read: its turn sets it aside for that, and nobody waits behind it", async () => {
    const alone = nodeOf("alone", first);
    const other = nodeOf("other", { ...first, kind: "other" });
    await alone.create("job/1");
    await alone.create("job/2");
    await send("begin", "job/1");
    await send("begin", "job/2");
    await spoilRecord(store, "job/1");
    await other.beat();
    await other.settle();
    expect(await actorOf("job/2")).toMatchObject({ status: "quarantined" });
    expect(await alone.settle()).toBe(2);
    await alone.turns();
    expect((await store.getActor("job/1"))?.status).toBe("quarantined");
    expect(await actorOf("job/2")).toMatchObject({ status: "active", value: "working" });
    const released = { address: "job/1", by: "ada", reason: "try" } as const;
    expect(await store.transaction((tx) => releaseActor(tx, released))).toBe(true);
  });

  test("move the actors that each can move, and no others, while an upgrade goes on", async () => {
    const old = nodeOf("old", first);
    const upgraded = nodeOf("upgraded", second);
    await Promise.all([old.beat(), upgraded.beat()]);
    await old.create("job/1");
    await old.create("job/2");
    await send("begin", "job/1");
    expect(await upgraded.turns()).toBe(1);
    await send("begin", "job/1");
    await send("begin", "job/2");
    expect(await old.turns()).toBe(1);
    expect(await actorOf("job/1")).toMatchObject({ hash: hashes.second, value: "running" });
    expect(await actorOf("job/2")).toMatchObject({ hash: hashes.first, value: "working" });
    await Promise.all([old.settle(), upgraded.settle()]);
    expect(await upgraded.turns()).toBe(1);
    expect(await store.counts()).toMatchObject({ mail: 0, actors: { active: 2 } });
  });

  test("a command meets a node without the chart: refused, to be tried again, and nothing is touched", async () => {
    const old = nodeOf("old", first);
    await nodeOf("upgraded", second).create(address);
    await expect(old.command("begin")).rejects.toMatchObject({
      code: "machine_version_mismatch",
      retryable: true,
    });
    expect(await actorOf()).toMatchObject({ status: "active", value: "idle" });
  });

  test("what stands before them does not hold up actors that a node can move", async () => {
    const old = nodeOf("old", first);
    const other = nodeOf("other", { ...second, migrations: [] });
    await other.create("job/2");
    await old.create(address);
    for (let n = 0; n < 100; n += 1) await send("leave", "job/2");
    await send("begin");
    expect(await old.turns()).toBe(1);
  });

  test("set aside what no living node can move, and it comes back with a node that can", async () => {
    const old = nodeOf("old", first);
    const other = nodeOf("other", { ...second, migrations: [] });
    await Promise.all([old.beat(), other.beat()]);
    await old.create(address);
    await send("begin");
    expect(await other.settle()).toBe(0);
    expect(await actorOf()).toMatchObject({ status: "active" });
    await old.leave();
    expect(await other.settle()).toBe(0);
    expect(await actorOf()).toEqual({ status: "quarantined", hash: hashes.first, value: "idle" });
    expect(await errorsOf()).toMatchObject([
      {
        code: "machine_version_mismatch",
        details: { address, kind: "job", version: "1", machineHash: hashes.first },
      },
    ]);
    expect(await other.turns()).toBe(0);
    const upgraded = nodeOf("upgraded", second);
    expect(await upgraded.settle()).toBe(1);
    expect(await upgraded.turns()).toBe(1);
    expect(await actorOf()).toEqual({ status: "active", hash: hashes.second, value: "running" });
    expect([await upgraded.settle(), (await store.counts()).mail]).toEqual([0, 0]);
  });

  test("wait for a node that has fallen silent as long as it counts as alive", async () => {
    const old = nodeOf("old", first);
    const other = nodeOf("other", { ...second, migrations: [] });
    await old.beat();
    await old.create(address);
    await send("begin");
    await clock.advance(nodeLostMs - 1);
    await other.settle();
    expect(await actorOf()).toMatchObject({ status: "active" });
    await clock.advance(1);
    await other.settle();
    expect(await actorOf()).toMatchObject({ status: "quarantined" });
  });

  test("leave what a failed migration set aside to a person, who releases it once the migration is corrected", async () => {
    await nodeOf("old", first).create(address);
    await send("begin");
    await nodeOf(
      "broken",
      thirdWith((state) => state),
    ).turns();
    expect(await actorOf()).toEqual({ status: "quarantined", hash: hashes.first, value: "idle" });
    const corrected = nodeOf(
      "corrected",
      thirdWith((state) => ({ ...state, value: { work: state.value, count: {} } })),
    );
    expect([await corrected.settle(), await corrected.turns()]).toEqual([0, 0]);
    await store.transaction((tx) => releaseActor(tx, { address, by: "ada", reason: "corrected" }));
    expect(await corrected.turns()).toBe(1);
    expect(await actorOf()).toMatchObject({ status: "active", value: { work: "running", count: {} } });
  });
});
