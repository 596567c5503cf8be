import { afterAll, beforeAll, expect, test } from "vitest";
import { createTokenAuthority } from "../../../api/auth/token-authority.ts";
import { trustCacheMs } from "../../../api/auth/trust.ts";
import type { TokenAuthority } from "../../../api/operations/tokens.ts";
import { connect, type Database } from "../../../persistence/postgres/connect.ts";
import { createPostgresDoorbell } from "../../../persistence/postgres/doorbell.ts";
import { migrate, readMigrations } from "../../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import { systemClock, systemIds } from "../../../runtime/clock.ts";
import type { Doorbell, Store } from "../../../runtime/store.ts";
import { createTestDatabase, type TestDatabase } from "../../setup/database.ts";
import { goodClaims, goodHeader, signEd25519, strangersKey } from "./forge.ts";

/** Two nodes on one Postgres: one decides, the other serves a stream. */

let testDatabase: TestDatabase;
let database: Database;
let store: Store;
const doorbells: Doorbell[] = [];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = connect({ url: testDatabase.url });
  await migrate(database);
  store = createPostgresStore({ database, workspaceId: "w" });
});
afterAll(async () => {
  for (const doorbell of doorbells) await doorbell.close();
  await database.close();
  await testDatabase.drop();
});

async function node(rings: boolean): Promise<{ tokens: TokenAuthority; doorbell: Doorbell }> {
  const doorbell = createPostgresDoorbell({ url: testDatabase.url, workspaceId: "w" });
  doorbells.push(doorbell);
  const onRing = rings ? { onRing: (listener: () => void) => doorbell.onRing(listener) } : {};
  const tokens = await createTokenAuthority({ store, clock: systemClock, ids: systemIds, ...onRing });
  return { tokens, doorbell };
}

/** How long the other node went on with the stream, in ms. */
async function survivedMs(rings: boolean, refuse: (jti: string) => Promise<unknown>): Promise<number> {
  const here = await node(true);
  const there = await node(rings);
  const request = { agentId: "ann", role: "participant", sessionId: "s-1", lifetimeMs: 60_000 } as const;
  const { token, jti } = await here.tokens.issue(request);
  const watch = there.tokens.watch(await there.tokens.verify(token));
  const over = new Promise((resolve) => watch.signal.addEventListener("abort", resolve));
  const began = performance.now();
  await refuse(jti);
  here.doorbell.ring();
  await over;
  await expect(there.tokens.verify(token)).rejects.toMatchObject({ code: "token_revoked" });
  return performance.now() - began;
}

test("a revocation ends a stream on another node within two seconds by polling alone", async () => {
  const revoke = (jti: string) =>
    store.transaction((tx) => tx.revokeToken({ jti, expiresAt: tx.now + 60_000, by: "pat", reason: "lost" }));
  expect(await survivedMs(false, revoke)).toBeLessThan(2 * trustCacheMs);
});

test("the doorbell brings it sooner", async () => {
  const revoke = () =>
    store.transaction((tx) =>
      tx.revokeTokensOf({
        ...{ agentId: "ann", sessionId: "s-1", expiresAt: tx.now + 60_000 },
        ...{ by: "pat", reason: "left" },
      }),
    );
  // A ring may be lost; then polling brings it.
  const times = [
    await survivedMs(true, revoke),
    await survivedMs(true, revoke),
    await survivedMs(true, revoke),
  ];
  expect(Math.min(...times)).toBeLessThan(1_000);
});

test("the key of release 0.1.0, and the tokens that it signed, are taken over", async () => {
  const old = await createTestDatabase();
  const own = connect({ url: old.url });
  try {
    const migrations = await readMigrations();
    await migrate(
      own,
      migrations.filter(({ id }) => id <= 3),
    );
    const { privateKey, publicJwk } = strangersKey("k-old");
    const key = { kid: "k-old", privateJwk: privateKey.export({ format: "jwk" }), publicJwk };
    const value = JSON.stringify({ keys: [key] });
    await own.sql`insert into rouse.setting values ('w', 'signing-keys', ${value}, 1)`;
    await migrate(own);
    const moved = createPostgresStore({ database: own, workspaceId: "w" });
    const tokens = await createTokenAuthority({ store: moved, clock: systemClock, ids: systemIds });
    expect(tokens.keyIds()).toEqual(["k-old"]);
    const signer = { kid: "k-old", privateKey, publicJwk };
    const claims = goodClaims(Math.floor(Date.now() / 1_000));
    const token = signEd25519(signer, goodHeader(signer), claims);
    expect(await tokens.verify(token)).toMatchObject({ agentId: "ann" });
    const request = { agentId: "bob", role: "participant", sessionId: "s", lifetimeMs: 60_000 } as const;
    expect(await tokens.verify((await tokens.issue(request)).token)).toMatchObject({
      token: { kid: "k-old" },
    });
  } finally {
    await own.close();
    await old.drop();
  }
});

test("nodes that start at once agree on one key, and take each other's tokens", async () => {
  const fresh = createPostgresStore({ database, workspaceId: "other" });
  const start = () => createTokenAuthority({ store: fresh, clock: systemClock, ids: systemIds });
  const authorities = await Promise.all([start(), start(), start(), start()]);
  expect(new Set(authorities.flatMap((each) => each.keyIds())).size).toBe(1);
  const request = { agentId: "ann", role: "participant", sessionId: "s", lifetimeMs: 60_000 } as const;
  const { token } = (await authorities[0]?.issue(request)) ?? { token: "" };
  expect(await authorities[3]?.verify(token)).toMatchObject({ agentId: "ann" });
});
