import { describe, expect, test } from "vitest";
import type { Address } from "../../../machines/mail.ts";
import type { Store } from "../../../runtime/store.ts";
import {
  commit,
  creation,
  journalEntry,
  newSubject,
  nodeBeat,
  send,
  turnOf,
  type OpenStore,
} from "./subject.ts";

/** What a store knows of charts that come and go with the nodes. */
export function chartsConform(open: OpenStore): void {
  describe("actors of several charts", () => {
    const create = (store: Store, address: Address, machineHash: string) =>
      commit(store, creation(address, { actor: { machineHash } }));
    const unrunnable = async (store: Store, charts: readonly string[] = []) => {
      const request = { charts, lostAfterMs: 1_000, limit: 10 };
      const found = await store.transaction((tx) => tx.claimUnrunnable(request));
      return found.map(({ address }) => address);
    };

    test("a claim for some charts passes over all other actors, however much mail they have", async () => {
      const { store } = newSubject(open);
      await create(store, "thread/old", "old");
      await create(store, "thread/new", "new");
      for (let n = 0; n < 20; n += 1) await send(store, "thread/old", { type: "go" });
      await send(store, "thread/new", { type: "go" });
      const request = { actors: 10, mailPerActor: 10 };
      const claims = await store.transaction((tx) =>
        tx.claimReady({ ...request, machineHashes: ["new", "newer"] }),
      );
      expect(claims.map(({ actor }) => actor.address)).toEqual(["thread/new"]);
      expect(await store.transaction((tx) => tx.claimReady({ ...request, machineHashes: [] }))).toEqual([]);
      expect(await store.transaction((tx) => tx.claimReady(request))).toHaveLength(2);
    });

    test("only those with mail whose chart no living node declares are unrunnable", async () => {
      const { store, clock } = newSubject(open);
      for (const hash of ["ours", "theirs", "nobodys", "idle"]) await create(store, `thread/${hash}`, hash);
      for (const hash of ["ours", "theirs", "nobodys"]) await send(store, `thread/${hash}`, { type: "go" });
      await store.beatNode(nodeBeat({ nodeId: "other", charts: ["thread@theirs", "runtime@nobodys"] }));
      expect(await unrunnable(store, ["thread@ours"])).toEqual(["thread/nobodys"]);
      expect(await unrunnable(store)).toEqual(["thread/nobodys", "thread/ours"]);
      clock.advance(1_001);
      expect(await unrunnable(store, ["thread@ours"])).toEqual(["thread/nobodys", "thread/theirs"]);
    });

    test("only those that were set aside for want of their chart come back with it", async () => {
      const { store } = newSubject(open);
      const aside = async (address: Address, hash: string, dropped: string) => {
        await create(store, address, hash);
        const actor = { machineHash: hash, status: "quarantined" as const };
        await commit(store, turnOf(address, { actor, journal: [journalEntry(2, { dropped })] }));
      };
      await aside("thread/missing", "h1", "machineMissing");
      await aside("thread/elsewhere", "h2", "machineMissing");
      await aside("thread/poisoned", "h1", "poison");
      const found = await store.transaction((tx) => tx.claimSetAside({ charts: ["thread@h1"], limit: 10 }));
      expect(found).toMatchObject([{ address: "thread/missing", status: "quarantined", version: 2 }]);
    });
  });
}
