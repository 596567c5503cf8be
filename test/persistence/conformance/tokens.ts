import { describe, expect, test } from "vitest";

import type { NewTokenRecord, Store, TokenQuery, Transaction } from "../../../runtime/store.ts";
import { expectRefusal, newSubject, type OpenStore } from "./subject.ts";

const day = 86_400_000;

export function newToken(jti: string, changes: Partial<NewTokenRecord> = {}): NewTokenRecord {
  return {
    jti,
    agentId: "ann",
    role: "participant",
    sessionId: "s-1",
    runtimeId: null,
    rootJti: jti,
    authenticatedAt: 1_000,
    kid: "key-1",
    issuedAt: 1_000,
    issuedBy: "pat",
    expiresAt: 8_000_000_000_000,
    refreshUntil: null,
    ...changes,
  };
}

export function tokensConform(open: OpenStore): void {
  describe("tokens", () => {
    const write = (store: Store, work: (tx: Transaction) => Promise<unknown>) =>
      store.transaction(async (tx) => void (await work(tx)));
    const list = (store: Store, query: Partial<TokenQuery> = {}) =>
      store.transaction((tx) => tx.listTokens({ limit: 10, ...query }), { readOnly: true });
    const ids = async (store: Store, query: Partial<TokenQuery> = {}) =>
      (await list(store, query)).rows.map(({ jti }) => jti);
    const trust = (store: Store) => store.transaction((tx) => tx.readTokenTrust(), { readOnly: true });
    const key = (kid: string) => ({ kid, publicJwk: { x: kid }, privateJwk: { d: kid }, by: "pat" });

    test("one key signs; a new one takes over and the one before keeps no private part", async () => {
      const { store, clock } = newSubject(open);
      expect((await trust(store)).keys).toEqual([]);
      await write(store, (tx) => tx.insertSigningKey(key("a")));
      const createdAt = clock.time;
      const first = { kid: "a", publicJwk: { x: "a" }, createdAt, createdBy: "pat", retirement: null };
      expect((await trust(store)).keys).toEqual([{ ...first, privateJwk: { d: "a" }, verifiesUntil: null }]);
      clock.advance(5);
      await write(store, async (tx) => {
        await tx.supersedeSigningKey({ verifiesForMs: 100 });
        await tx.insertSigningKey(key("b"));
      });
      expect((await trust(store)).keys).toMatchObject([
        { ...first, privateJwk: null, verifiesUntil: createdAt + 105 },
        { kid: "b", privateJwk: { d: "b" }, verifiesUntil: null },
      ]);
    });

    test("a second key beside one that signs is a conflict, also when both are made at once", async () => {
      const { store } = newSubject(open);
      const make = (kid: string) => store.transaction((tx) => tx.insertSigningKey(key(kid)));
      const results = await Promise.allSettled([make("a"), make("b"), make("c")]);
      expect(results.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
      await expectRefusal(make("d"), "conflict");
      expect((await trust(store)).keys).toHaveLength(1);
    });

    test("of two rotations at once none loses a key", async () => {
      const { store } = newSubject(open);
      await write(store, (tx) => tx.insertSigningKey(key("a")));
      const rotate = (kid: string) =>
        store.transaction(async (tx) => {
          await tx.supersedeSigningKey({ verifiesForMs: 100 });
          await tx.insertSigningKey(key(kid));
        });
      await Promise.allSettled([rotate("b"), rotate("c")]);
      const { keys } = await trust(store);
      expect(keys.filter(({ verifiesUntil }) => verifiesUntil === null)).toHaveLength(1);
      expect(keys.map(({ kid }) => kid)).toContain("a");
    });

    test("a retired key says by whom and why, and stays so", async () => {
      const { store, clock } = newSubject(open);
      await write(store, (tx) => tx.insertSigningKey(key("a")));
      const retire = (reason: string) =>
        store.transaction((tx) => tx.retireSigningKey({ kid: "a", by: "pat", reason }));
      expect(await retire("leaked")).toBe(true);
      expect(await retire("again")).toBe(false);
      expect(await store.transaction((tx) => tx.retireSigningKey({ kid: "x", by: "p", reason: "r" }))).toBe(
        false,
      );
      const retirement = { by: "pat", reason: "leaked", at: clock.time };
      expect((await trust(store)).keys).toMatchObject([
        { kid: "a", privateJwk: null, verifiesUntil: clock.time, retirement },
      ]);
      await write(store, (tx) => tx.insertSigningKey(key("b")));
    });

    test("records come back whole, newest first, in pages and by what is asked", async () => {
      const { store } = newSubject(open);
      const whole = newToken("j-3", {
        ...{ agentId: "bob", role: "coordinator", sessionId: "s-2", runtimeId: "rt-1" },
        ...{ rootJti: "j-1", authenticatedAt: 500, refreshUntil: 9_000 },
      });
      await write(store, async (tx) => {
        await tx.insertToken(newToken("j-1"));
        await tx.insertToken(newToken("j-2", { sessionId: "s-2" }));
        await tx.insertToken(whole);
      });
      const first = await list(store, { limit: 2 });
      expect(first.rows.map(({ jti }) => jti)).toEqual(["j-3", "j-2"]);
      expect(first.rows[0]).toEqual({ ...whole, revocation: null });
      expect(await list(store, { limit: 2, after: first.next ?? "" })).toMatchObject({
        rows: [{ jti: "j-1" }],
        next: null,
      });
      expect(await ids(store, { agentId: "ann" })).toEqual(["j-2", "j-1"]);
      expect(await ids(store, { agentId: "ann", sessionId: "s-2" })).toEqual(["j-2"]);
      expect(await ids(store, { runtimeId: "rt-1" })).toEqual(["j-3"]);
      await expectRefusal(
        write(store, (tx) => tx.insertToken(newToken("j-1"))),
        "conflict",
      );
      expect(await store.transaction((tx) => tx.getToken("j-9"))).toBeNull();
    });

    test("a revoked token stays revoked for its first reason, and so does what was refreshed from it", async () => {
      const { store, clock } = newSubject(open);
      const revoke = (reason: string) =>
        store.transaction((tx) =>
          tx.revokeToken({ jti: "j-1", expiresAt: clock.time + 10, by: "pat", reason }),
        );
      await write(store, async (tx) => {
        await tx.insertToken(newToken("j-1"));
        await tx.insertToken(newToken("j-2", { rootJti: "j-1" }));
        await tx.insertToken(newToken("j-3"));
      });
      await revoke("lost");
      const at = clock.time;
      clock.advance(1);
      await revoke("again");
      const { rows } = await list(store);
      const revocation = { by: "pat", reason: "lost", at };
      expect(rows.map((row) => row.revocation)).toEqual([null, revocation, revocation]);
      expect(await ids(store, { state: "live" })).toEqual(["j-3"]);
      expect(await ids(store, { state: "ended" })).toEqual(["j-2", "j-1"]);
      expect((await trust(store)).revoked).toEqual(["j-1"]);
      clock.advance(9);
      expect((await trust(store)).revoked).toEqual([]);
    });

    test("revoking all of an agent or a session counts for what was issued until then", async () => {
      const { store, clock } = newSubject(open);
      const { time } = clock;
      const at = (jti: string, authenticatedAt: number, sessionId = "s-1") =>
        newToken(jti, { authenticatedAt, issuedAt: authenticatedAt, sessionId });
      await write(store, async (tx) => {
        await tx.insertToken(at("old", time - 1));
        await tx.insertToken(at("same", time));
        await tx.insertToken(at("other", time, "s-2"));
        await tx.insertToken(at("new", time + 1));
        await tx.insertToken({ ...at("foreign", time - 1), agentId: "bob" });
        const request = { agentId: "ann", sessionId: "s-1", expiresAt: time + 50, by: "pat", reason: "left" };
        await tx.revokeTokensOf(request);
      });
      expect(await ids(store, { state: "ended" })).toEqual(["same", "old"]);
      clock.advance(10);
      const request = {
        agentId: "ann",
        sessionId: null,
        expiresAt: clock.time + 50,
        by: "pat",
        reason: "all",
      };
      await write(store, (tx) => tx.revokeTokensOf(request));
      expect(await ids(store, { state: "live" })).toEqual(["foreign"]);
      expect((await list(store, { state: "ended" })).rows.map((row) => row.revocation?.reason)).toEqual([
        ...["all", "all", "left", "left"],
      ]);
      const { cutoffs } = await trust(store);
      expect(cutoffs.toSorted((a, b) => a.revokedBefore - b.revokedBefore)).toEqual([
        { agentId: "ann", sessionId: "s-1", revokedBefore: time },
        { agentId: "ann", sessionId: "", revokedBefore: time + 10 },
      ]);
      clock.advance(50);
      expect((await trust(store)).cutoffs).toEqual([]);
    });

    test("a cutoff that names no agent refuses what was issued until then to anybody", async () => {
      const { store, clock } = newSubject(open);
      const { time } = clock;
      await write(store, async (tx) => {
        await tx.insertToken(newToken("old", { authenticatedAt: time, issuedAt: time }));
        await tx.insertToken({
          ...newToken("foreign", { authenticatedAt: time, issuedAt: time }),
          agentId: "bob",
        });
        await tx.insertToken(newToken("new", { authenticatedAt: time + 1, issuedAt: time + 1 }));
        const until = { expiresAt: time + 50, by: "pat", reason: "restored" };
        await tx.revokeTokensOf({ agentId: "", sessionId: null, ...until });
      });
      expect(await ids(store, { state: "ended" })).toEqual(["foreign", "old"]);
      expect((await trust(store)).cutoffs).toEqual([{ agentId: "", sessionId: "", revokedBefore: time }]);
    });

    test("the tokens of a retired key count as revoked", async () => {
      const { store } = newSubject(open);
      await write(store, async (tx) => {
        await tx.insertSigningKey(key("key-1"));
        await tx.insertToken(newToken("j-1"));
        await tx.insertToken(newToken("j-2", { kid: "key-2" }));
        await tx.retireSigningKey({ kid: "key-1", by: "pat", reason: "leaked" });
      });
      expect(await ids(store, { state: "live" })).toEqual(["j-2"]);
      expect((await list(store, { state: "ended" })).rows).toMatchObject([
        { revocation: { reason: "leaked" } },
      ]);
    });

    test("what ends soon is the last of its session, and can be refreshed no more", async () => {
      const { store, clock } = newSubject(open);
      const { time } = clock;
      const ends = (jti: string, sessionId: string, ms: number, refreshUntil: number | null = null) =>
        newToken(jti, { sessionId, expiresAt: time + ms, refreshUntil });
      await write(store, async (tx) => {
        await tx.insertToken(ends("followed", "s-1", 10));
        await tx.insertToken(ends("last", "s-1", 20));
        await tx.insertToken(ends("refreshable", "s-2", 10, time + day));
        await tx.insertToken(ends("chain's end", "s-6", 10, time + 30));
        await tx.insertToken(ends("later", "s-3", day));
        await tx.insertToken(ends("over", "s-4", -10));
        await tx.insertToken(ends("revoked", "s-5", 10));
        await tx.revokeToken({ jti: "revoked", expiresAt: time + day, reason: "r" });
      });
      expect(await ids(store, { ending: { from: time, until: time + 100 } })).toEqual([
        "chain's end",
        "last",
      ]);
      expect(await ids(store, { ending: { from: time - 100, until: time + 100 } })).toEqual([
        ...["over", "chain's end", "last"],
      ]);
    });

    test("records of tokens that ended long ago are removed, some at a time", async () => {
      const { store, clock } = newSubject(open);
      const { time } = clock;
      await write(store, async (tx) => {
        for (const [n, ms] of [-30, -20, -10, 10].entries()) {
          await tx.insertToken(newToken(`j-${n}`, { expiresAt: time + ms }));
        }
      });
      const prune = () => store.transaction((tx) => tx.pruneTokens({ expiredBefore: time - 15, limit: 1 }));
      expect([await prune(), await prune(), await prune()]).toEqual([1, 1, 0]);
      expect(await ids(store)).toEqual(["j-3", "j-2"]);
    });
  });
}
