import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { createEngine } from "../../runtime/command.ts";
import { RouseError } from "../../runtime/errors.ts";
import { Patience } from "../../runtime/patience.ts";
import { Registry } from "../../runtime/registry.ts";
import type { Store, Transaction } from "../../runtime/store.ts";
import { takeTurns, turn } from "../../runtime/turn.ts";
import { ManualClock } from "../manual-clock.ts";
import { benchEntry } from "./bench-chart.ts";
import { storeFixtures } from "./stores.ts";

const registry = new Registry([benchEntry]);
const doorbell = createMemoryDoorbell();

describe.each(storeFixtures())("a store that refuses the turns of one actor $name", ({ open, close }) => {
  let store: Store;
  /** The store as turns see it. */
  let failing: Store;
  /** What the store says to a commit of bench/1. */
  let failure: Error | null;
  let patience: Patience;
  let clock: ManualClock;
  let told: unknown[];
  afterAll(close);

  beforeEach(async () => {
    clock = new ManualClock();
    told = [];
    store = await open(clock);
    const refusing = (tx: Transaction): Transaction => ({
      ...tx,
      commitTurns: async (commits) => {
        const isRefused = commits.some(
          ({ actor, deadLetters }) => actor.address === "bench/1" && deadLetters.length === 0,
        );
        if (failure !== null && isRefused) throw failure;
        return tx.commitTurns(commits);
      },
    });
    failing = {
      ...store,
      transaction: (work, options) => store.transaction((tx) => work(refusing(tx)), options),
    };
    failure = new RouseError("internal", "index row size exceeds the maximum");
    patience = new Patience(clock);
    const engine = createEngine({ store, registry, doorbell });
    await store.transaction(async (tx) => {
      for (const n of [1, 2, 3])
        await engine.create(tx, { kind: "bench", address: `bench/${n}`, input: { n } });
    });
  });

  const tell = (...numbers: number[]) =>
    store.transaction((tx) =>
      tx.send(numbers.map((n) => ({ to: `bench/${n}` as const, from: "test", event: { type: "told" } }))),
    );
  const once = () =>
    turn({ store: failing, registry, doorbell, patience, onActorFailed: (error) => told.push(error) });
  /** Turns a second apart for so long. */
  const onceASecond = async (seconds: number) => {
    for (let second = 0; second < seconds; second += 1) {
      await once().catch((error: unknown) => told.push(error));
      await clock.advance(1_000);
    }
  };
  const statusOf = async (n: number) => (await store.getActor(`bench/${n}`))?.status;
  const versionOf = async (n: number) => (await store.getActor(`bench/${n}`))?.version;

  test("stalls no other: they move in the same turn, and while it rests", async () => {
    await tell(1, 2, 3);
    expect(await once()).toBe(2);
    expect(told).toEqual([failure]);
    expect([await versionOf(1), await versionOf(2), await versionOf(3)]).toEqual([1, 2, 2]);
    await tell(2);
    expect(await once()).toBe(1);
    expect(told).toEqual([failure]);
    await clock.advance(100);
    await tell(3);
    expect(await once()).toBe(1);
    expect(told).toEqual([failure, failure]);
  });

  test("is asked so often and no more: then the mail is set aside with its error", async () => {
    await tell(1, 1);
    await onceASecond(30);
    expect(told).toHaveLength(7);
    expect(await statusOf(1)).toBe("quarantined");
    expect((await store.listDeadLetters({ limit: 5 })).rows).toMatchObject([
      { address: "bench/1", event: { type: "told" }, error: { code: "internal", message: failure?.message } },
    ]);
    expect(await store.counts()).toMatchObject({ mail: 0, quarantinedMail: 1, deadLetters: 1 });
  });

  test("is asked less and less often, for more than ten seconds", async () => {
    await tell(1);
    await onceASecond(10);
    expect(await statusOf(1)).toBe("active");
    expect(told.length).toBeLessThan(7);
  });

  test("and takes them again in time loses nothing, and the count begins anew", async () => {
    for (let trouble = 0; trouble < 3; trouble += 1) {
      await tell(1);
      failure = new RouseError("conflict", "another transaction came first");
      await onceASecond(8);
      failure = null;
      await onceASecond(5);
      expect(await versionOf(1)).toBe(trouble + 2);
    }
    expect(await statusOf(1)).toBe("active");
  });

  test("holds nobody up however long it takes by itself", async () => {
    await tell(1);
    await once();
    failure = null;
    await clock.advance(100);
    const answers = Promise.withResolvers<undefined>();
    const slowAlone: Store = {
      ...failing,
      transaction: async (work, options) => {
        if (options?.firstClaim === undefined) await answers.promise;
        return failing.transaction(work, options);
      },
    };
    await tell(1, 2);
    const options = { store: slowAlone, registry, doorbell, patience };
    expect(await takeTurns(options)).toMatchObject({ moved: 1 });
    await tell(2);
    expect(await takeTurns(options)).toMatchObject({ moved: 1 });
    expect([await versionOf(1), await versionOf(2)]).toEqual([1, 3]);
    answers.resolve(undefined);
    await patience.settled();
    expect(await versionOf(1)).toBe(2);
    expect(await takeTurns(options)).toMatchObject({ moved: 1 });
    expect(await versionOf(1)).toBe(3);
  });

  test("because it is away for long sets nobody aside, and none of the others waits for more than its turn", async () => {
    await tell(1, 2);
    failure = new RouseError("database_unavailable", "The database took longer than 30000 ms.");
    await onceASecond(8);
    expect([await versionOf(1), await versionOf(2)]).toEqual([1, 2]);
    await onceASecond(300);
    expect(told.length).toBeLessThan(20);
    failure = null;
    await onceASecond(60);
    expect([await statusOf(1), await versionOf(1), await versionOf(2)]).toEqual(["active", 2, 2]);
  });
});

describe.each(storeFixtures())("more actors in trouble than one claim takes $name", ({ open, close }) => {
  afterAll(close);

  test("do not stand before the others", async () => {
    const clock = new ManualClock();
    const store = await open(clock);
    const addresses = Array.from({ length: 261 }, (_, index) => `bench/${index}` as const);
    const engine = createEngine({ store, registry, doorbell });
    await store.transaction(async (tx) => {
      for (const address of addresses) await engine.create(tx, { kind: "bench", address, input: { n: 1 } });
      await tx.send(addresses.map((to) => ({ to, from: "test", event: { type: "told" } })));
    });
    const failing: Store = {
      ...store,
      transaction: (work, options) =>
        store.transaction(
          (tx) =>
            work({
              ...tx,
              async commitTurns(commits) {
                if (commits.some(({ actor }) => actor.address !== "bench/260"))
                  throw new RouseError("internal", "index row size exceeds the maximum");
                return tx.commitTurns(commits);
              },
            }),
          options,
        ),
    };
    const patience = new Patience(clock);
    for (let round = 0; round < 3; round += 1) await turn({ store: failing, registry, doorbell, patience });
    expect((await store.getActor("bench/260"))?.version).toBe(2);
    expect((await store.counts()).mail).toBe(260);
  });
});

describe.each(storeFixtures())(
  "a store that does not manage a full batch in time $name",
  ({ open, close }) => {
    afterAll(close);

    test("is asked for less, until it does, and for more again", async () => {
      const clock = new ManualClock();
      const store = await open(clock);
      const addresses = Array.from({ length: 300 }, (_, index) => `bench/${index}` as const);
      const engine = createEngine({ store, registry, doorbell });
      await store.transaction(async (tx) => {
        for (const address of addresses) await engine.create(tx, { kind: "bench", address, input: { n: 1 } });
        await tx.send(addresses.map((to) => ({ to, from: "test", event: { type: "told" } })));
      });
      const sizes: number[] = [];
      const slow: Store = {
        ...store,
        transaction: (work, options) =>
          store.transaction(
            (tx) =>
              work({
                ...tx,
                commitTurns(commits) {
                  sizes.push(commits.length);
                  if (commits.length > 20) throw new RouseError("database_unavailable", "It took too long.");
                  return tx.commitTurns(commits);
                },
              }),
            options,
          ),
      };
      const patience = new Patience(clock);
      for (let round = 0; round < 100; round += 1)
        await turn({ store: slow, registry, doorbell, patience }).catch(() => undefined);
      expect(sizes.slice(0, 19)).toEqual([256, 64, ...Array.from({ length: 16 }, () => 16), 44]);
      expect((await store.counts()).mail).toBe(0);
      expect(patience.batch).toEqual({ actors: 256, mailPerActor: 128 });
    });
  },
);
