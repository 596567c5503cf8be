import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { until } from "../network/until.ts";
import { commit, creation, send } from "./conformance/subject.ts";

let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await createTestDatabase();
  database = connect({ url: own.url, max: 6 });
  await migrate(database);
});

afterAll(async () => {
  await database.close();
  await own.drop();
});

test("a claim takes no mail whose sender's earlier mail it left, whoever commits while it claims", async () => {
  const store = createPostgresStore({ database, workspaceId: "w" });
  await commit(store, creation("thread/a"));
  const committed = Promise.withResolvers<undefined>();
  const inserted = Promise.withResolvers<undefined>();
  const first = store.transaction(async (tx) => {
    await tx.send([{ to: "thread/a", from: "bob", event: { type: "bob 1" } }]);
    inserted.resolve(undefined);
    await committed.promise;
  });
  await inserted.promise;
  await send(store, "thread/a", { type: "eve 1" }, "eve");
  // Holds the claim up after it has looked for heads, before it locks actors.
  const goOn = Promise.withResolvers<undefined>();
  const locked = Promise.withResolvers<undefined>();
  const gate = database.transaction(async (sql) => {
    await sql`lock table rouse.actor in exclusive mode`;
    locked.resolve(undefined);
    await goOn.promise;
  });
  await locked.promise;
  const claim = store.transaction((tx) => tx.claimReady({ actors: 4, mailPerActor: 10 }));
  await until("the claim to wait", 5_000, async () => {
    const rows = await database.sql`
      select 1 from pg_locks l where not l.granted and l.relation = 'rouse.actor'::regclass`;
    return rows.length > 0;
  });
  committed.resolve(undefined);
  await first;
  await send(store, "thread/a", { type: "bob 2" }, "bob");
  goOn.resolve(undefined);
  await gate;
  const taken = (await claim).flatMap(({ mail }) => mail.map(({ event }) => event.type));
  const ofBob = taken.filter((type) => type.startsWith("bob"));
  expect(ofBob).toEqual(["bob 1", "bob 2"].slice(0, ofBob.length));
});
