import { once } from "node:events";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createTokenAuthority } from "../../../api/auth/token-authority.ts";
import { connect, type Database } from "../../../persistence/postgres/connect.ts";
import { createPostgresDoorbell } from "../../../persistence/postgres/doorbell.ts";
import { migrate, readMigrations } from "../../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import { systemClock, systemIds, type Clock } from "../../../runtime/clock.ts";
import type { Doorbell, Store } from "../../../runtime/store.ts";
import { ManualClock } from "../../manual-clock.ts";
import { until } from "../../network/until.ts";
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

async function node({ clock, rings }: { clock: Clock; rings: boolean }) {
  const doorbell = createPostgresDoorbell({ url: testDatabase.url, workspaceId: "w" });
  doorbells.push(doorbell);
  const onRing = rings ? { onRing: (listener: () => void) => doorbell.onRing(listener) } : {};
  const tokens = await createTokenAuthority({ store, clock, ids: systemIds, ...onRing });
  return { tokens, doorbell };
}

/** A stream on one node, by a token of another node. */
async function openStream(streaming: { clock: Clock; rings: boolean }) {
  const here = await node({ clock: systemClock, rings: true });
  const { tokens: there } = await node(streaming);
  const request = { agentId: "ann", role: "participant", sessionId: "s-1", lifetimeMs: 60_000 } as const;
  const { token, jti } = await here.tokens.issue(request);
  const { signal } = there.watch(await there.verify(token));
  return { ...{ jti, token, signal, there }, over: once(signal, "abort"), ring: () => here.doorbell.ring() };
}

test("a revocation ends a stream on another node within two seconds by polling alone", async () => {
  const clock = new ManualClock();
  const { jti, token, signal, over, there } = await openStream({ clock, rings: false });
  await store.transaction((tx) =>
    tx.revokeToken({ jti, expiresAt: tx.now + 60_000, by: "pat", reason: "lost" }),
  );
  expect(signal.aborted).toBe(false);
  await clock.advance(2_000);
  await over;
  await expect(there.verify(token)).rejects.toMatchObject({ code: "token_revoked" });
});

test("the doorbell brings it before anything is polled", async () => {
  const clock = new ManualClock();
  const looksIn: number[] = [];
  const after: Clock["after"] = (ms, callback) => {
    looksIn.push(ms);
    return clock.after(ms, callback);
  };
  const streaming = { clock: { now: () => clock.now(), after }, rings: true };
  const { token, over, ring, there } = await openStream(streaming);
  await store.transaction((tx) =>
    tx.revokeTokensOf({
      ...{ agentId: "ann", sessionId: "s-1", expiresAt: tx.now + 60_000 },
      ...{ by: "pat", reason: "left" },
    }),
  );
  // A single ring may be lost.
  const soonMs = await until("a ring to be heard", 15_000, () => {
    ring();
    return looksIn.find((ms) => ms < 1_000) ?? null;
  });
  await clock.advance(soonMs);
  await over;
  await expect(there.verify(token)).rejects.toMatchObject({ code: "token_revoked" });
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
