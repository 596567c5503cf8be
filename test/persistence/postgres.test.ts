import { afterAll, beforeAll, describe } from "vitest";

import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { storeConforms } from "./conformance.ts";

let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = connect({ url: testDatabase.url });
  await migrate(database);
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

describe("the Postgres store", () => {
  storeConforms((options) => createPostgresStore({ database, ...options }));
});
