import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import type { Claim } from "../../runtime/store.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { commit, creation, send } from "./conformance/subject.ts";

let own: TestDatabase;
let database: Database;
let workspaces = 0;
const firstClaim = { actors: 4, mailPerActor: 10 };
const types = (claims: readonly Claim[]) => claims.flatMap(({ mail }) => mail.map(({ event }) => event.type));

beforeAll(async () => {
  own = await createTestDatabase();
  database = connect({ url: own.url, max: 4 });
  await migrate(database);
});

afterAll(async () => {
  await database.close();
  await own.drop();
});

async function storeWithMail() {
  workspaces += 1;
  const store = createPostgresStore({ database, workspaceId: `w-${workspaces}` });
  await commit(store, creation("thread/a"));
  await send(store, "thread/a", { type: "hello" });
  return store;
}

test("a claim that travels with BEGIN is the one that the work asks for, and is made once", async () => {
  const store = await storeWithMail();
  const claimed = await store.transaction(
    async (tx) => {
      const early = await tx.claimReady(firstClaim);
      await tx.send([{ to: "thread/a", from: "bob", event: { type: "later" } }]);
      return [early, await tx.claimReady(firstClaim)];
    },
    { firstClaim },
  );
  expect(claimed.map(types)).toEqual([["hello"], ["hello", "later"]]);
});

test("another request than the one told beforehand is answered for itself", async () => {
  const store = await storeWithMail();
  const other = { ...firstClaim, machineHashes: ["no such chart"] };
  expect(await store.transaction((tx) => tx.claimReady(other), { firstClaim })).toEqual([]);
});

test("a claim that nobody asks for holds nothing once its transaction is over, however it ended", async () => {
  const store = await storeWithMail();
  await store.transaction(async () => undefined, { firstClaim });
  const failing = store.transaction(async () => Promise.reject(new Error("no")), { firstClaim });
  await expect(failing).rejects.toThrow("no");
  expect(types(await store.transaction((tx) => tx.claimReady(firstClaim)))).toEqual(["hello"]);
});

test("a claim that fails is told to the work that asks for it, and at the end where nobody did", async () => {
  const store = await storeWithMail();
  const bad = { ...firstClaim, machineHashes: ["a\0b"] };
  const refused = { code: "invalid_input" };
  const asking = store.transaction((tx) => tx.claimReady(bad), { firstClaim: bad });
  await expect(asking).rejects.toMatchObject(refused);
  const silent = store.transaction(async () => "done", { firstClaim: bad });
  await expect(silent).rejects.toMatchObject(refused);
  expect(types(await store.transaction((tx) => tx.claimReady(firstClaim), { firstClaim }))).toEqual([
    "hello",
  ]);
});
