import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { createEngine } from "../../runtime/command.ts";
import { RouseError } from "../../runtime/errors.ts";
import { Patience } from "../../runtime/patience.ts";
import { Registry } from "../../runtime/registry.ts";
import type { Store, Transaction } from "../../runtime/store.ts";
import { turn } from "../../runtime/turn.ts";
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
  afterAll(close);

  beforeEach(async () => {
    store = await open(new ManualClock());
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
    patience = new Patience();
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
  const once = () => turn({ store: failing, registry, doorbell, patience });
  const statusOf = async (n: number) => (await store.getActor(`bench/${n}`))?.status;
  const versionOf = async (n: number) => (await store.getActor(`bench/${n}`))?.version;

  test("stalls no other: they move in the same turn", async () => {
    await tell(1, 2, 3);
    await expect(once()).rejects.toBe(failure);
    expect([await versionOf(1), await versionOf(2), await versionOf(3)]).toEqual([1, 2, 2]);
    await tell(2);
    await expect(once()).rejects.toBe(failure);
    expect(await versionOf(2)).toBe(3);
  });

  test("is asked so often and no more: then the mail is set aside with its error", async () => {
    await tell(1, 1);
    let failures = 0;
    for (let round = 0; round < 20; round += 1) {
      await once().catch(() => (failures += 1));
    }
    expect(failures).toBe(7);
    expect(await statusOf(1)).toBe("quarantined");
    expect((await store.listDeadLetters({ limit: 5 })).rows).toMatchObject([
      { address: "bench/1", event: { type: "told" }, error: { code: "internal", message: failure?.message } },
    ]);
    expect(await store.counts()).toMatchObject({ mail: 0, quarantinedMail: 1, deadLetters: 1 });
  });

  test("and takes them again in time loses nothing, and the count begins anew", async () => {
    for (let trouble = 0; trouble < 3; trouble += 1) {
      await tell(1);
      failure = new RouseError("conflict", "another transaction came first");
      for (let round = 0; round < 6; round += 1) await expect(once()).rejects.toBe(failure);
      failure = null;
      expect(await once()).toBe(1);
    }
    expect([await statusOf(1), await versionOf(1)]).toEqual(["active", 4]);
  });

  test("because it is away for long sets nobody aside", async () => {
    await tell(1, 2);
    failure = new RouseError("database_unavailable", "away");
    for (let round = 0; round < 30; round += 1) await expect(once()).rejects.toBe(failure);
    failure = null;
    while ((await once()) > 0);
    expect([await statusOf(1), await versionOf(1), await versionOf(2)]).toEqual(["active", 2, 2]);
  });
});
