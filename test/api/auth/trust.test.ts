import { expect, test } from "vitest";
import { Trust, trustCacheMs } from "../../../api/auth/trust.ts";
import type { TokenCaller } from "../../../api/operations/tokens.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import type { Store } from "../../../runtime/store.ts";
import { ManualClock } from "../../manual-clock.ts";

const facts = { kid: "", authenticatedAt: 0, expiresAt: 0 };
const caller: TokenCaller = {
  ...{ agentId: "ann", workspaceId: "w", role: "participant", sessionId: "s" },
  ...{ jti: "t", token: { ...facts, rootJti: "t" } },
};
const revoke = (store: Store, jti = "t") =>
  store.transaction((tx) => tx.revokeToken({ jti, expiresAt: tx.now + 60_000, reason: "lost" }));

function counted(store: Store): { store: Store; reads: () => number } {
  let reads = 0;
  const transaction: Store["transaction"] = (work, options) => {
    reads += 1;
    return store.transaction(work, options);
  };
  return { store: { ...store, transaction }, reads: () => reads };
}

test("a clock that is put back keeps no old answer alive", async () => {
  let now = 1_000_000;
  const clock = { now: () => now, after: () => () => {} };
  const store = createMemoryStore({ workspaceId: "w", clock });
  const trust = new Trust(store, clock);
  expect((await trust.fresh()).isRevoked(caller)).toBe(false);
  await revoke(store);
  now -= 600_000;
  expect((await trust.fresh()).isRevoked(caller)).toBe(true);
});

test("the store is asked once for many calls, and again after two seconds", async () => {
  const clock = new ManualClock();
  const { store, reads } = counted(createMemoryStore({ workspaceId: "w", clock }));
  const trust = new Trust(store, clock);
  await Promise.all(Array.from({ length: 50 }, () => trust.fresh()));
  await clock.advance(trustCacheMs - 1);
  await trust.fresh();
  expect(reads()).toBe(1);
  await clock.advance(1);
  await trust.fresh();
  expect(reads()).toBe(2);
});

test("the doorbell makes it look sooner, but not with every ring", async () => {
  const clock = new ManualClock();
  const { store, reads } = counted(createMemoryStore({ workspaceId: "w", clock }));
  const trust = new Trust(store, clock);
  await trust.fresh();
  for (let ms = 0; ms < 1_000; ms += 10) {
    trust.noteRung();
    await trust.fresh();
    await clock.advance(10);
  }
  expect(reads()).toBeGreaterThanOrEqual(4);
  expect(reads()).toBeLessThanOrEqual(5);
});

test("made-up key ids make it ask a bounded number of times", async () => {
  const clock = new ManualClock();
  const { store, reads } = counted(createMemoryStore({ workspaceId: "w", clock }));
  const trust = new Trust(store, clock);
  for (let n = 0; n < 100; n++) await trust.newest();
  expect(reads()).toBeLessThanOrEqual(11);
  await clock.advance(1_000);
  await trust.newest();
  expect(reads()).toBeLessThanOrEqual(12);
});

test("after a failed look the next call looks again, and never trusts what is older than two seconds", async () => {
  const clock = new ManualClock();
  const real = createMemoryStore({ workspaceId: "w", clock });
  let isDown = false;
  const store: Store = {
    ...real,
    transaction: (work, options) =>
      isDown ? Promise.reject(new Error("down")) : real.transaction(work, options),
  };
  const trust = new Trust(store, clock);
  await trust.fresh();
  await revoke(store);
  isDown = true;
  await clock.advance(trustCacheMs);
  await expect(trust.fresh()).rejects.toThrow("down");
  isDown = false;
  expect((await trust.fresh()).isRevoked(caller)).toBe(true);
});

test("time is the store's, wherever this process's clock stands", async () => {
  const storeClock = new ManualClock();
  for (const offsetMs of [-3_600_000, 0, 3_600_000]) {
    const store = createMemoryStore({ workspaceId: "w", clock: storeClock });
    const trust = new Trust(store, {
      now: () => storeClock.now() + offsetMs,
      after: (ms, callback) => storeClock.after(ms, callback),
    });
    const known = await trust.fresh();
    await storeClock.advance(1_500);
    expect(known.storeTime(storeClock.now() + offsetMs)).toBe(storeClock.now());
  }
});
