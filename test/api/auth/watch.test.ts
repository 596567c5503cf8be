import { beforeEach, describe, expect, test } from "vitest";
import { createTokenAuthority } from "../../../api/auth/token-authority.ts";
import { trustCacheMs } from "../../../api/auth/trust.ts";
import type { TokenAuthority } from "../../../api/operations/tokens.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import { systemIds } from "../../../runtime/clock.ts";
import type { Store } from "../../../runtime/store.ts";
import { ManualClock } from "../../manual-clock.ts";
import { callerOf, createWorld, type World } from "../world.ts";

const minute = 60_000;

describe("watching a token", () => {
  let clock: ManualClock;
  let world: World;
  /** Another node, which hears of changes by polling alone. */
  let other: TokenAuthority;

  beforeEach(async () => {
    clock = new ManualClock();
    world = await createWorld(clock);
    other = await createTokenAuthority({ store: world.store, clock, ids: systemIds });
  });

  const pat = () => callerOf(world, "pat", "operator");
  async function watched(authority: TokenAuthority, lifetimeMs = 10 * minute) {
    const request = { agentId: "ann", role: "participant", sessionId: "s-1", lifetimeMs } as const;
    const { token, jti } = await authority.issue(request);
    return { jti, token, watch: authority.watch(await authority.verify(token)) };
  }

  test.each([
    ["its id", (jti: string) => ["revoke_token", { jti }] as const],
    ["its session", () => ["revoke_tokens_of", { agent_id: "ann", session_id: "s-1" }] as const],
    ["its agent", () => ["revoke_tokens_of", { agent_id: "ann" }] as const],
  ])(
    "it is aborted within two seconds of a revocation by %s, on other nodes too",
    async (_what, revocation) => {
      const { jti, watch } = await watched(other);
      const [operation, input] = revocation(jti);
      await world.call(operation, pat(), { ...input, reason: "leaked" });
      await clock.advance(trustCacheMs);
      expect(watch.signal.aborted).toBe(true);
      expect(watch.signal.reason).toMatchObject({ code: "token_revoked" });
    },
  );

  test("it is aborted when the key that signed the token is retired", async () => {
    const { watch } = await watched(other);
    const { keys } = await world.store.transaction((tx) => tx.readTokenTrust());
    await world.call("retire_signing_key", pat(), { kid: keys[0]?.kid, reason: "leaked" });
    await clock.advance(trustCacheMs);
    expect(watch.signal.reason).toMatchObject({ code: "token_revoked" });
  });

  test("the doorbell makes it quicker than polling", async () => {
    const { jti, watch } = await watched(world.workspace.tokens);
    await clock.advance(1_000);
    await world.call("revoke_token", pat(), { jti, reason: "leaked" });
    await clock.advance(250);
    expect(watch.signal.aborted).toBe(true);
  });

  test("it is aborted when the token expires, although the store does not answer", async () => {
    let isDown = false;
    const real = createMemoryStore({ workspaceId: "w", clock });
    const store: Store = {
      ...real,
      transaction: (work, options) =>
        isDown ? Promise.reject(new Error("down")) : real.transaction(work, options),
    };
    const { watch } = await watched(await createTokenAuthority({ store, clock, ids: systemIds }), minute);
    isDown = true;
    await clock.advance(minute - 1_000);
    expect(watch.signal.aborted).toBe(false);
    await clock.advance(1_000 + trustCacheMs);
    expect(watch.signal.reason).toMatchObject({ code: "token_expired" });
  });

  test("a good token's watch stays open, and asks the store once for all of them", async () => {
    let reads = 0;
    const store: Store = {
      ...world.store,
      transaction(work, options) {
        reads += 1;
        return world.store.transaction(work, options);
      },
    };
    const authority = await createTokenAuthority({ store, clock, ids: systemIds });
    const open = await Promise.all(Array.from({ length: 20 }, () => watched(authority)));
    reads = 0;
    await clock.advance(minute);
    expect(open.filter(({ watch }) => watch.signal.aborted)).toEqual([]);
    expect(reads).toBeLessThanOrEqual(31);
    for (const { watch } of open) watch.close();
    reads = 0;
    await clock.advance(minute);
    expect(reads).toBe(0);
  });

  test("a closed watch is never aborted", async () => {
    const { jti, watch } = await watched(world.workspace.tokens);
    watch.close();
    await world.call("revoke_token", pat(), { jti, reason: "leaked" });
    await clock.advance(minute);
    expect(watch.signal.aborted).toBe(false);
  });
});
