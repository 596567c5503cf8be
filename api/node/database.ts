import { join } from "node:path";
import { startEmbedded } from "../../persistence/embedded/server.ts";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { createPostgresDoorbell } from "../../persistence/postgres/doorbell.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import type { Doorbell, Store } from "../../runtime/store.ts";
import type { Config } from "../config.ts";

export interface OpenDatabase {
  store: Store;
  doorbell: Doorbell;
  /** To be called when the database was found away: an embedded server that died is started again. Never rejects. */
  revive: () => Promise<void>;
  close: () => Promise<void>;
}

export function embeddedFolder(home: string): string {
  return join(home, "postgres");
}

/** The configured Postgres, or the embedded one, with its schema up to date. Throws `database_unavailable` and the embedded server's errors. */
export async function openDatabase(
  config: Config,
  onProgress: (step: string) => void,
): Promise<OpenDatabase> {
  const url = config.databaseUrl ?? (await startOwn(config, onProgress));
  const database = connect({ url, applicationName: "rouse" });
  try {
    onProgress("Bringing the schema up to date");
    await migrate(database);
    const revive = config.databaseUrl === undefined ? reviver(config) : async () => {};
    return open({ database, url, workspaceId: config.workspace, revive });
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function startOwn(config: Config, onProgress: (step: string) => void): Promise<string> {
  const { url } = await startEmbedded({ dir: embeddedFolder(config.home), onProgress });
  return url;
}

const reviveAtMostEveryMs = 5_000;

function reviver(config: Config): () => Promise<void> {
  let triedAt = 0;
  return async () => {
    if (Date.now() - triedAt < reviveAtMostEveryMs) return;
    triedAt = Date.now();
    // What stands in its way shows in the failures that go on and in the server's log.
    await startOwn(config, () => {}).catch(() => {});
  };
}

function open(parts: {
  database: Database;
  url: string;
  workspaceId: string;
  revive: () => Promise<void>;
}): OpenDatabase {
  const { database, url, workspaceId, revive } = parts;
  const store = createPostgresStore({ database, workspaceId });
  const doorbell = createPostgresDoorbell({ url, workspaceId });
  return {
    store,
    doorbell,
    revive,
    async close() {
      await doorbell.close();
      await database.close();
    },
  };
}
