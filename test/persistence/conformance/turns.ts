import { describe, expect, test } from "vitest";

import type { Address } from "../../../machines/mail.ts";
import { shardOf } from "../../../runtime/shard.ts";
import type { StoredActor } from "../../../runtime/store.ts";
import {
  commit,
  creation,
  effectRequest,
  eventsOf,
  expectRefusal,
  journalEntry,
  mailOf,
  newSubject,
  send,
  turnOf,
  type OpenStore,
} from "./subject.ts";

export function turnsConform(open: OpenStore): void {
  describe("turns", () => {
    test("an actor is created once, with all its columns", async () => {
      const { store, clock } = newSubject(open);
      const { actor } = creation("runtime/a", {
        actor: { subject: "ann", record: '{"é":"\\u0000\\u001e"}' },
      });
      await commit(store, creation("runtime/a", { actor }));
      expect(await store.getActor("runtime/a")).toEqual({ ...actor, updatedAt: clock.time });
      await expectRefusal(commit(store, creation("runtime/a")), "already_exists");
      expect(await store.getActor("runtime/b")).toBeNull();
    });

    test("a turn replaces the snapshot, consumes its mail and sends on", async () => {
      const { store, clock } = newSubject(open);
      await commit(store, creation("thread/a"), creation("thread/b"));
      await send(store, "thread/a", { type: "one" });
      await send(store, "thread/a", { type: "two", text: "line\nbreak \u001e é" });
      clock.advance(5);
      await store.transaction(async (tx) => {
        const claims = await tx.claimReady({ actors: 10, mailPerActor: 10 });
        expect(claims.map(({ actor }) => actor.address)).toEqual(["thread/a"]);
        const [{ mail } = { mail: [] }] = claims;
        expect(mail.map(({ event }) => event)).toEqual([
          { type: "one" },
          { type: "two", text: "line\nbreak \u001e é" },
        ]);
        expect(mail.map(({ from, cause }) => ({ from, cause }))[0]).toEqual({ from: "test", cause: null });
        const outgoing = [{ to: "thread/b" as const, from: "thread/a", event: { type: "three" } }];
        const actor = { version: 3, status: "done" as const, record: "{}" };
        await tx.commitTurns([turnOf("thread/a", { actor, consumed: mail, outgoing })]);
      });
      const expected: Partial<StoredActor> = {
        version: 3,
        status: "done",
        record: "{}",
        updatedAt: clock.time,
      };
      expect(await store.getActor("thread/a")).toMatchObject(expected);
      expect(await mailOf(store, "thread/a")).toEqual([]);
      expect(await eventsOf(store, "thread/b")).toEqual([{ type: "three" }]);
    });

    test("a turn based on an older version is refused as a whole", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a"), creation("thread/b"));
      await commit(store, turnOf("thread/a"));
      const outgoing = [{ to: "thread/b" as const, from: "thread/a", event: { type: "lost" } }];
      const stale = turnOf("thread/a", { outgoing, actor: { version: 9 }, journal: [journalEntry(9)] });
      await expectRefusal(commit(store, turnOf("thread/b"), stale), "conflict");
      expect((await store.getActor("thread/a"))?.version).toBe(2);
      expect((await store.getActor("thread/b"))?.version).toBe(1);
      expect(await mailOf(store, "thread/b")).toEqual([]);
      expect(await store.listJournal({ limit: 10 })).toEqual([]);
    });

    test("a turn of an actor that does not exist is refused", async () => {
      const { store } = newSubject(open);
      await expectRefusal(commit(store, turnOf("thread/a")), "conflict");
    });

    test("mail is consumed once", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a"));
      await send(store, "thread/a", { type: "one" });
      const consumed = await mailOf(store, "thread/a");
      await commit(store, turnOf("thread/a", { consumed }));
      const again = turnOf("thread/a", { consumed, expectedVersion: 2, actor: { version: 3 } });
      await expectRefusal(commit(store, again), "conflict");
      expect((await store.getActor("thread/a"))?.version).toBe(2);
    });

    test("a refused turn undoes the transaction even when the work swallows the refusal", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a"));
      const swallowed = store.transaction(async (tx) => {
        await tx.putSetting("mark", 1);
        await tx.commitTurns([turnOf("thread/a", { expectedVersion: 7 })]).catch(() => undefined);
      });
      await expectRefusal(swallowed, "conflict");
      expect(await store.transaction((tx) => tx.getSetting("mark"))).toBeNull();
    });

    test("work that throws leaves nothing behind", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a"));
      const before = await store.counts();
      const failing = store.transaction(async (tx) => {
        const timersArmed = [{ id: "t", incarnation: 1, delayMs: 1, event: { type: "tick" } }];
        const effectsRequested = [effectRequest(1)];
        await tx.commitTurns([
          creation("thread/b", { timersArmed, effectsRequested, journal: [journalEntry(1)] }),
        ]);
        await tx.send([{ to: "thread/a", from: "test", event: { type: "one" } }]);
        expect(await tx.getActor("thread/b")).not.toBeNull();
        expect((await tx.claimActor("thread/a"))?.mail).toHaveLength(1);
        throw new TypeError("planted");
      });
      await expect(failing).rejects.toThrow("planted");
      expect(await store.counts()).toEqual(before);
      expect(await store.listJournal({ limit: 10 })).toEqual([]);
      await commit(store, creation("thread/b"));
    });

    test("mail arrives in the order in which one sender sent it", async () => {
      const { store } = newSubject(open);
      const numbers = Array.from({ length: 40 }, (_, index) => index);
      const outgoing = numbers.map((n) => ({
        to: "thread/a" as const,
        from: "thread/b",
        event: { type: "n", n },
      }));
      await commit(store, creation("thread/a"), creation("thread/b", { outgoing }));
      expect((await eventsOf(store, "thread/a")).map(({ n }) => n)).toEqual(numbers);
    });

    test("claiming takes at most so many actors and so much mail, longest waiting first", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a"), creation("thread/b"), creation("thread/c"));
      for (const address of ["thread/c", "thread/a", "thread/b", "thread/c", "thread/c"] as const) {
        await send(store, address, { type: "go" });
      }
      const claims = await store.transaction((tx) => tx.claimReady({ actors: 2, mailPerActor: 2 }));
      expect(claims.map(({ actor, mail }) => [actor.address, mail.length])).toEqual([
        ["thread/c", 2],
        ["thread/a", 1],
      ]);
    });

    test("a claim of some shards leaves the actors of the others alone", async () => {
      const { store } = newSubject(open);
      const addresses = ["a", "b", "c", "d", "e", "f"].map((name): Address => `thread/${name}`);
      await commit(store, ...addresses.map((address) => creation(address)));
      for (const to of addresses) await send(store, to, { type: "go" });
      const [first, ...rest] = [...new Set(addresses.map(shardOf))];
      expect(rest).not.toEqual([]);
      const claimed = async (shards: (number | undefined)[]) => {
        const own = shards.filter((shard) => shard !== undefined);
        const claims = await store.transaction((tx) =>
          tx.claimReady({ actors: 10, mailPerActor: 10, shards: own }),
        );
        return claims.map(({ actor }) => actor.address);
      };
      const among = (shards: (number | undefined)[]) =>
        addresses.filter((to) => shards.includes(shardOf(to)));
      expect(await claimed([first])).toEqual(among([first]));
      expect(await claimed(rest)).toEqual(among(rest));
      expect(await claimed([])).toEqual([]);
    });

    test("long mailboxes are emptied by several claims, each in order", async () => {
      const { store } = newSubject(open);
      const addresses = ["thread/a", "thread/b", "thread/c"] as const;
      await commit(store, ...addresses.map((address) => creation(address)));
      const numbers = Array.from({ length: 900 }, (_, n) => n);
      const to = (n: number) => addresses[n % 5 === 0 ? 0 : n % 7 === 0 ? 1 : 2] ?? "thread/a";
      await store.transaction((tx) =>
        tx.send(numbers.map((n) => ({ to: to(n), from: "test", event: { type: "n", n } }))),
      );
      const applied: { to: string; n: unknown }[] = [];
      for (let claims = 1; claims > 0;) {
        claims = await store.transaction(async (tx) => {
          const found = await tx.claimReady({ actors: 2, mailPerActor: 100 });
          const turns = found.map(({ actor, mail }) => {
            applied.push(...mail.map(({ event }) => ({ to: actor.address, n: event["n"] })));
            const version = actor.version + mail.length;
            return turnOf(actor.address, {
              consumed: mail,
              expectedVersion: actor.version,
              actor: { version },
            });
          });
          await tx.commitTurns(turns);
          return found.length;
        });
      }
      for (const address of addresses) {
        const own = applied.filter((mail) => mail.to === address).map(({ n }) => n);
        expect(own).toEqual(numbers.filter((n) => to(n) === address));
      }
      expect((await store.counts()).mail).toBe(0);
    });

    test("a quarantined actor keeps its mail, is not claimed and hides nobody", async () => {
      const { store } = newSubject(open);
      const others = Array.from({ length: 400 }, (_, index) => `thread/b-${index}` as const);
      await commit(
        store,
        creation("thread/a", { actor: { status: "quarantined" } }),
        ...others.map((to) => creation(to)),
      );
      const event = { type: "go" };
      const pile = Array.from({ length: 200 }, () => ({ to: "thread/a" as const, from: "test", event }));
      await store.transaction((tx) => tx.send(pile));
      await store.transaction((tx) => tx.send(others.map((to) => ({ to, from: "test", event }))));
      const claims = await store.transaction((tx) => tx.claimReady({ actors: 500, mailPerActor: 10 }));
      expect(claims.map(({ actor }) => actor.address)).toEqual(others);
      const claim = await store.transaction((tx) => tx.claimActor("thread/a"));
      expect(claim?.actor.status).toBe("quarantined");
      expect(claim?.mail).toHaveLength(200);
    });

    test("an actor that is passed over hides nobody, however much mail it has", async () => {
      const { store } = newSubject(open);
      const others = Array.from({ length: 200 }, (_, index): Address => `thread/b-${index}`);
      const behind = others.filter((to) => shardOf(to) === shardOf("thread/a")).slice(0, 2);
      await commit(store, creation("thread/a"), ...behind.map((to) => creation(to)));
      const mail = [...Array.from({ length: 200 }, (): Address => "thread/a"), ...behind];
      await store.transaction((tx) =>
        tx.send(mail.map((to) => ({ to, from: "test", event: { type: "go" } }))),
      );
      const request = { actors: 8, mailPerActor: 10, passedOver: ["thread/a" as const] };
      for (const within of [{}, { shards: [shardOf("thread/a")] }]) {
        const claims = await store.transaction((tx) => tx.claimReady({ ...request, ...within }));
        expect(claims.map(({ actor }) => actor.address)).toEqual(behind);
      }
    });

    test("claiming one actor that does not exist gives null", async () => {
      const { store } = newSubject(open);
      expect(await store.transaction((tx) => tx.claimActor("thread/a"))).toBeNull();
    });

    test("mail from outside needs an addressee", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a"));
      const event = { type: "one" };
      const mixed = store.transaction((tx) =>
        tx.send([
          { to: "thread/a", from: "test", event },
          { to: "thread/b", from: "test", event },
        ]),
      );
      await expectRefusal(mixed, "actor_not_found");
      expect(await mailOf(store, "thread/a")).toEqual([]);
    });

    test("mail of a turn to an actor that does not exist becomes a dead letter", async () => {
      const { store, clock } = newSubject(open);
      const outgoing = [{ to: "thread/b" as const, from: "thread/a", event: { type: "one" } }];
      await commit(store, creation("thread/a", { outgoing }));
      const [letter] = (await store.listDeadLetters({ limit: 5 })).rows;
      expect(letter).toMatchObject({
        address: "thread/b",
        from: "thread/a",
        event: { type: "one" },
        at: clock.time,
      });
      expect(letter?.error.code).toBe("actor_not_found");
    });

    test("dead letters of a turn are kept with their error, newest first", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a"));
      await send(store, "thread/a", { type: "poison", n: 1 });
      await send(store, "thread/a", { type: "poison", n: 2 });
      const consumed = await mailOf(store, "thread/a");
      const error = { code: "internal", message: "guard threw", retryable: false };
      const deadLetters = consumed.map((mail) => ({ mail, error }));
      await commit(store, turnOf("thread/a", { consumed, deadLetters }));
      const letters = (await store.listDeadLetters({ limit: 1 })).rows;
      expect(letters).toMatchObject([{ address: "thread/a", event: { type: "poison", n: 2 }, error }]);
      expect((await store.counts()).deadLetters).toBe(2);
    });

    test("an event reaches every subscriber of its topic, newcomers of the same batch included", async () => {
      const { store } = newSubject(open);
      const published = [{ topic: "news", from: "thread/a", event: { type: "told" } }];
      await commit(store, creation("thread/b", { subscriptions: ["news", "other"] }));
      await commit(
        store,
        creation("thread/a", { published, subscriptions: ["news"] }),
        creation("thread/c", { subscriptions: ["news"] }),
        creation("thread/d", { subscriptions: ["other"] }),
      );
      await store.transaction((tx) => tx.publish({ topic: "other", from: "x", event: { type: "said" } }));
      expect(await eventsOf(store, "thread/a")).toEqual([{ type: "told" }]);
      expect(await eventsOf(store, "thread/b")).toEqual([{ type: "told" }, { type: "said" }]);
      expect(await eventsOf(store, "thread/c")).toEqual([{ type: "told" }]);
      expect(await eventsOf(store, "thread/d")).toEqual([{ type: "said" }]);
    });

    test("the journal is read per actor and over the workspace, oldest first, in pages", async () => {
      const { store, clock } = newSubject(open);
      const records = [
        { type: "wake.acknowledged" as const, params: { wakeId: "w", by: "cursor" as const, at: 1 } },
      ];
      const first = journalEntry(1, { cause: { type: "timer", id: "t", incarnation: 2 }, records });
      await commit(store, creation("thread/a", { journal: [first, journalEntry(2)] }));
      await commit(store, creation("thread/b", { journal: [journalEntry(1, { dropped: "staleTimer" })] }));
      const own = await store.listJournal({ address: "thread/a", limit: 10 });
      expect(own[0]).toMatchObject({ ...first, address: "thread/a", at: clock.time, machineHash: "hash" });
      expect(own.map(({ seq }) => seq)).toEqual([1, 2]);
      const rest = await store.listJournal({ address: "thread/a", after: "1", limit: 10 });
      expect(rest.map(({ seq }) => seq)).toEqual([2]);
      const all = await store.listJournal({ limit: 10 });
      expect(all.map(({ address }) => address)).toEqual(["thread/a", "thread/a", "thread/b"]);
      const page = await store.listJournal({ after: all[1]?.journalId ?? "", limit: 10 });
      expect(page.map(({ dropped }) => dropped)).toEqual(["staleTimer"]);
      const upTo = all[0]?.journalId ?? "";
      expect(await store.listJournal({ upTo, limit: 10 })).toEqual([all[0]]);
      expect(await store.listJournal({ address: "thread/a", upTo, limit: 10 })).toEqual([all[0]]);
    });

    test("the journal's horizon is its newest entry while nothing is under way, each workspace its own", async () => {
      const { store, neighbour } = newSubject(open);
      expect(await store.journalHorizon()).toEqual({ upTo: "0", isBehind: false });
      await commit(store, creation("thread/a", { journal: [journalEntry(1)] }));
      const [entry] = await store.listJournal({ limit: 10 });
      expect(await store.journalHorizon()).toEqual({ upTo: entry?.journalId, isBehind: false });
      expect(await neighbour.journalHorizon()).toEqual({ upTo: "0", isBehind: false });
    });

    test("who follows the journal's horizon misses nothing, whatever commits at the same time", async () => {
      const { store } = newSubject(open);
      const writers = 6;
      const entriesEach = 8;
      const write = async (writer: number): Promise<void> => {
        for (let seq = 1; seq <= entriesEach; seq += 1) {
          await store.transaction(async (tx) => {
            const turn = seq === 1 ? creation : turnOf;
            const actor = { version: seq };
            const change = { actor, journal: [journalEntry(seq)] };
            const expected = seq === 1 ? {} : { expectedVersion: seq - 1 };
            await tx.commitTurns([turn(`thread/t${writer}`, { ...change, ...expected })]);
            // Long enough that others take ids and commit meanwhile.
            for (let turns = 0; turns < (writer * 7 + seq * 3) % 5; turns += 1) await tx.getActor("thread/x");
          });
        }
      };
      const written = Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
      const followed: string[] = [];
      let after = "0";
      while (followed.length < writers * entriesEach) {
        const { upTo } = await store.journalHorizon();
        for (const entry of await store.listJournal({ after, upTo, limit: 5 })) {
          followed.push(`${entry.address} ${entry.seq}`);
          after = entry.journalId;
        }
      }
      await written;
      expect(new Set(followed).size).toBe(writers * entriesEach);
      for (let writer = 0; writer < writers; writer += 1) {
        const own = followed.filter((entry) => entry.startsWith(`thread/t${writer} `));
        expect(own).toEqual(Array.from({ length: entriesEach }, (_, i) => `thread/t${writer} ${i + 1}`));
      }
    });

    test("a journal number is written once", async () => {
      const { store } = newSubject(open);
      await commit(store, creation("thread/a", { journal: [journalEntry(1)] }));
      await expectRefusal(commit(store, turnOf("thread/a", { journal: [journalEntry(1)] })), "conflict");
    });

    test("actors are listed by kind in pages, and by subject newest first", async () => {
      const { store, clock } = newSubject(open);
      for (const [index, id] of ["b", "a", "c"].entries()) {
        await commit(store, creation(`runtime/${id}`, { actor: { subject: index < 2 ? "ann" : "bob" } }));
        clock.advance(1);
      }
      await commit(store, creation("thread/a"));
      const first = await store.listActors({ kind: "runtime", limit: 2 });
      expect(first.rows.map(({ address }) => address)).toEqual(["runtime/a", "runtime/b"]);
      const second = await store.listActors({ kind: "runtime", limit: 2, after: first.next ?? "" });
      expect(second.rows.map(({ address }) => address)).toEqual(["runtime/c"]);
      expect(second.next).toBeNull();
      const query = { kind: "runtime", subject: "ann" };
      const found = await store.transaction((tx) => tx.listActorsBySubject(query));
      expect(found.map(({ address }) => address)).toEqual(["runtime/a", "runtime/b"]);
    });

    test("a read-only transaction refuses to write", async () => {
      const { store } = newSubject(open);
      const writing = store.transaction((tx) => tx.putSetting("a", 1), { readOnly: true });
      await expectRefusal(writing, "internal");
      expect(await store.transaction((tx) => tx.getSetting("a"), { readOnly: true })).toBeNull();
    });
  });
}
