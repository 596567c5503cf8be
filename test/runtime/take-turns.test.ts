import { afterAll, beforeEach, describe, expect, test } from "vitest";
import type { Address } from "../../machines/mail.ts";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { createEngine } from "../../runtime/command.ts";
import { Registry } from "../../runtime/registry.ts";
import { shardCount } from "../../runtime/shard.ts";
import type { Store, TurnCommit } from "../../runtime/store.ts";
import { takeTurns } from "../../runtime/turn.ts";
import { ManualClock } from "../manual-clock.ts";
import { benchEntry } from "./bench-chart.ts";
import { storeFixtures } from "./stores.ts";

/** More than one batch, so that several are under way at once. */
const actors = Array.from({ length: 300 }, (_, index): Address => `bench/${index}`);
const registry = new Registry([benchEntry]);
const doorbell = createMemoryDoorbell();

describe.each(storeFixtures())("many turns $name", ({ open, close }) => {
  let store: Store;

  beforeEach(async () => {
    store = await open(new ManualClock());
    const engine = createEngine({ store, registry, doorbell });
    await store.transaction(async (tx) => {
      for (const address of actors) await engine.create(tx, { kind: "bench", address, input: { n: 1 } });
    });
    for (let mail = 0; mail < 2; mail += 1) await tellAll();
  });

  afterAll(close);

  const tellAll = () =>
    store.transaction((tx) => tx.send(actors.map((to) => ({ to, from: "test", event: { type: "told" } }))));
  const versions = async (): Promise<Set<number | undefined>> => {
    const found = await Promise.all(actors.map((address) => store.getActor(address)));
    return new Set(found.map((actor) => actor?.version));
  };
  const drain = async (): Promise<void> => {
    while ((await takeTurns({ store, registry, doorbell })).moved > 0);
  };

  test("every mail is applied once, whichever batch took it", async () => {
    const sending = tellAll();
    await drain();
    await sending;
    await drain();
    expect(await versions()).toEqual(new Set([4]));
    expect((await store.counts()).mail).toBe(0);
  });

  test("the batches behind a full one are begun before the full one is committed", async () => {
    const steps: string[] = [];
    const told = changingCommits(store, (batch) => {
      steps.push("committed");
      return batch;
    });
    const noted: Store = {
      ...told,
      transaction: (work, how) => {
        steps.push("begun");
        return told.transaction(work, how);
      },
    };
    await takeTurns({ store: noted, registry, doorbell });
    expect(steps.slice(0, 4)).toEqual(["begun", "begun", "begun", "committed"]);
  });

  test("batches beside each other look at actors of their own, and between them at all", async () => {
    const claimed: (readonly number[] | undefined)[] = [];
    const noted: Store = {
      ...store,
      transaction: (work, how) => {
        claimed.push(how?.firstClaim?.shards);
        return store.transaction(work, how);
      },
    };
    await takeTurns({ store: noted, registry, doorbell });
    const [first, ...behind] = claimed;
    expect(first).toBeUndefined();
    const shares = [...new Set(behind)].map((shards) => shards ?? []);
    expect(shares.length).toBeGreaterThan(1);
    const shards = Array.from({ length: shardCount }, (_, shard) => shard);
    expect(shares.flat().toSorted((a, b) => a - b)).toEqual(shards);
  });

  test("a single batch is taken alone", async () => {
    await drain();
    await store.transaction((tx) => tx.send([{ to: "bench/0", from: "test", event: { type: "told" } }]));
    let begun = 0;
    const counting: Store = {
      ...store,
      transaction: (work, how) => {
        begun += 1;
        return store.transaction(work, how);
      },
    };
    expect(await takeTurns({ store: counting, registry, doorbell })).toEqual({
      moved: 1,
      isMoreWaiting: false,
    });
    expect(begun).toBe(1);
  });

  test("an actor with more mail than one turn takes goes on at once", async () => {
    await drain();
    const event = { type: "told" };
    const many = Array.from({ length: 200 }, () => ({ to: "bench/0" as Address, from: "test", event }));
    await store.transaction((tx) => tx.send(many));
    expect(await takeTurns({ store, registry, doorbell })).toEqual({ moved: 2, isMoreWaiting: false });
    expect((await store.counts()).mail).toBe(0);
  });

  test("a batch that is refused loses nothing and is taken again", async () => {
    let commits = 0;
    const staleSecond = changingCommits(store, (batch) => {
      if (batch.length > 0) commits += 1;
      return commits === 2 ? batch.map((commit) => ({ ...commit, expectedVersion: 77 })) : batch;
    });
    while ((await takeTurns({ store: staleSecond, registry, doorbell })).moved > 0);
    expect(commits).toBeGreaterThan(2);
    expect(await versions()).toEqual(new Set([3]));
    expect((await store.counts()).mail).toBe(0);
  });
});

function changingCommits(
  store: Store,
  change: (batch: readonly TurnCommit[]) => readonly TurnCommit[],
): Store {
  return {
    ...store,
    transaction: (work, options) =>
      store.transaction(
        (tx) => work({ ...tx, commitTurns: (batch) => tx.commitTurns(change(batch)) }),
        options,
      ),
  };
}
