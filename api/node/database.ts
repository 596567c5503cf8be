import { join } from "node:path";
import { startEmbedded } from "../../persistence/embedded/server.ts";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { createPostgresDoorbell } from "../../persistence/postgres/doorbell.ts";
import { readGauges, type Gauges } from "../../persistence/postgres/gauges.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { prune, type PruneRequest } from "../../persistence/postgres/retention.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import { readWakeTimes, type WakeTimes } from "../../persistence/postgres/wake-times.ts";
import type { Doorbell, Store } from "../../runtime/store.ts";
import type { Config } from "../config.ts";

/** What the tables and the connections show to whoever watches. */
export interface DatabaseFigures {
  readTables: (nodeLostMs: number) => Promise<Gauges>;
  readWake: (wakeId: string) => Promise<WakeTimes | null>;
  pool: Database["figures"];
}

export interface OpenDatabase {
  store: Store;
  doorbell: Doorbell;
  figures: DatabaseFigures;
  /** Deletes one small batch of what is too old. */
  prune: (request: Omit<PruneRequest, "workspaceId">) => Promise<number | null>;
  /** To be called when the database was found away: an embedded server that died is started again. Never rejects. */
  revive: () => Promise<void>;
  close: () => Promise<void>;
}

/** The settings that say where the database is. */
export type DatabaseConfig = Pick<Config, "home" | "workspace" | "databaseUrl" | "databaseDirectUrl">;

export function embeddedFolder(home: string): string {
  return join(home, "postgres");
}

/** The configured Postgres, or the embedded one, with its schema up to date. Throws `database_unavailable` and the embedded server's errors. */
export async function openDatabase(
  config: DatabaseConfig,
  onProgress: (step: string) => void,
): Promise<OpenDatabase> {
  const url = config.databaseUrl ?? (await startOwn(config, onProgress));
  const database = connect({ url, applicationName: "rouse" });
  try {
    onProgress("Bringing the schema up to date");
    await migrate(database);
    const revive = config.databaseUrl === undefined ? reviver(config) : async () => {};
    const directUrl = config.databaseDirectUrl ?? url;
    return open({ database, directUrl, workspaceId: config.workspace, revive });
  } catch (error) {
    await database.close();
    throw error;
  }
}

async function startOwn(config: DatabaseConfig, onProgress: (step: string) => void): Promise<string> {
  const { url } = await startEmbedded({ dir: embeddedFolder(config.home), onProgress });
  return url;
}

const reviveAtMostEveryMs = 5_000;

function reviver(config: DatabaseConfig): () => Promise<void> {
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
  directUrl: string;
  workspaceId: string;
  revive: () => Promise<void>;
}): OpenDatabase {
  const { database, directUrl, workspaceId, revive } = parts;
  const store = createPostgresStore({ database, workspaceId });
  const doorbell = createPostgresDoorbell({ url: directUrl, workspaceId });
  return {
    store,
    doorbell,
    figures: {
      readTables: (nodeLostMs) => readGauges(database, { workspaceId, nodeLostMs }),
      readWake: (wakeId) => readWakeTimes(database, { workspaceId, wakeId }),
      pool: () => database.figures(),
    },
    prune: (request) => prune(database, { ...request, workspaceId }),
    revive,
    async close() {
      await doorbell.close();
      await database.close();
    },
  };
}
