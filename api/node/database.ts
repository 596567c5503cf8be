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
    onProgress("bringing the schema up to date");
    await migrate(database);
    return open(database, url, config.workspace);
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function startOwn(config: Config, onProgress: (step: string) => void): Promise<string> {
  const { url } = await startEmbedded({ dir: embeddedFolder(config.home), onProgress });
  return url;
}

function open(database: Database, url: string, workspaceId: string): OpenDatabase {
  const store = createPostgresStore({ database, workspaceId });
  const doorbell = createPostgresDoorbell({ url, workspaceId });
  return {
    store,
    doorbell,
    async close() {
      await doorbell.close();
      await database.close();
    },
  };
}
