import { randomBytes } from "node:crypto";
import { startEmbedded } from "../../../persistence/embedded/server.ts";
import { connect, type Database } from "../../../persistence/postgres/connect.ts";
import { migrate } from "../../../persistence/postgres/migrate.ts";
import { makeServerFolder } from "../../setup/server-folder.ts";

export interface BenchDatabase {
  url: string;
  database: Database;
  /** Drops it, and the server when it was started for this run. */
  remove: () => Promise<void>;
}

/** A migrated database of its own: on the server of DATABASE_URL, else on an embedded one that is gone afterwards. */
export async function openBenchDatabase(given = process.env["DATABASE_URL"] ?? ""): Promise<BenchDatabase> {
  const server = await openBenchServer(given);
  const name = `bench_${randomBytes(6).toString("hex")}`;
  await runOn(server.url, `create database ${name}`);
  const url = new URL(server.url);
  url.pathname = `/${name}`;
  const database = connect({ url: url.href, max: 8 });
  await migrate(database);
  return {
    url: url.href,
    database,
    async remove() {
      await database.close();
      await runOn(server.url, `drop database if exists ${name} with (force)`);
      await server.remove();
    },
  };
}

export interface BenchServer {
  url: string;
  /** Stops it when it was started for this run. */
  remove: () => Promise<void>;
}

export async function openBenchServer(given = process.env["DATABASE_URL"] ?? ""): Promise<BenchServer> {
  if (given !== "") return { url: given, remove: () => Promise.resolve() };
  const { dir, remove } = await makeServerFolder();
  const { url } = await startEmbedded({ dir });
  return { url, remove };
}

async function runOn(url: string, statement: string): Promise<void> {
  const database = connect({ url, max: 1 });
  try {
    await database.sql.unsafe(statement);
  } finally {
    await database.close();
  }
}
