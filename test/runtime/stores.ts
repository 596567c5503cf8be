import { createMemoryStore } from "../../persistence/memory/store.ts";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import type { Store } from "../../runtime/store.ts";
import { createTestDatabase } from "../setup/database.ts";

export interface StoreFixture {
  name: string;
  /** A fresh store that reads the given clock. */
  open: (clock: { now(): number }) => Promise<Store>;
  /** After the last test. */
  close: () => Promise<void>;
}

function inMemory(): StoreFixture {
  return {
    name: "in memory",
    open: async (clock) => createMemoryStore({ workspaceId: "w", clock }),
    close: async () => {},
  };
}

/** One database for a test file; each store is a workspace of its own in it. */
function onPostgres(): StoreFixture {
  let opening: Promise<{ database: Database; drop: () => Promise<void> }> | undefined;
  let stores = 0;
  return {
    name: "on Postgres",
    async open(clock) {
      opening ??= openDatabase();
      const { database } = await opening;
      stores += 1;
      return createPostgresStore({ database, workspaceId: `w${stores}`, clock });
    },
    async close() {
      const opened = await opening;
      await opened?.database.close();
      await opened?.drop();
    },
  };
}

async function openDatabase(): Promise<{ database: Database; drop: () => Promise<void> }> {
  const { url, drop } = await createTestDatabase();
  const database = connect({ url, max: 8 });
  await migrate(database);
  return { database, drop };
}

/** Every test of the engine runs on each. */
export const storeFixtures = (): readonly StoreFixture[] => [inMemory(), onPostgres()];
