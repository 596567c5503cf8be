import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import type { NewAuditEntry } from "../../runtime/domain.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";

let created: TestDatabase;
let database: Database;
beforeAll(async () => {
  created = await createTestDatabase();
  database = connect({ url: created.url, max: 2 });
  await migrate(database);
});
afterAll(async () => {
  await database.close();
  await created.drop();
});

const entry: NewAuditEntry = {
  ...{ actor: "pat", role: "operator", operation: "create_thread", subject: "thread/th-1", outcome: "done" },
  ...{ code: null, reason: null, details: null, changes: [], requestId: "r" },
};
const thread = {
  title: "t",
  type: "review",
  createdBy: "pat",
  status: "active",
  statusReason: "",
  statusBy: "pat",
} as const;

test("an audit row that cannot be written takes the change with it, although nobody waits for it", async () => {
  const store = createPostgresStore({ database, workspaceId: "w" });
  const written = (threadId: string, operation: string) =>
    store.transaction(async (tx) => {
      await tx.insertThread({ ...thread, threadId });
      await tx.appendAudit({ ...entry, operation });
    });
  // Postgres stores no NUL.
  await expect(written("th-1", "a\0b")).rejects.toMatchObject({
    code: "invalid_input",
    message: expect.stringContaining("unsupported Unicode escape sequence"),
  });
  await written("th-2", "create_thread");
  const found = await store.transaction((tx) => Promise.all([tx.getThread("th-1"), tx.getThread("th-2")]));
  expect(found.map((each) => each?.threadId)).toEqual([undefined, "th-2"]);
  expect((await store.listAudit({ limit: 10 })).rows).toHaveLength(1);
});
