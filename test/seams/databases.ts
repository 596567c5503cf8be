import { randomBytes } from "node:crypto";
import { connect } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";

export interface StoryDatabase {
  url: string;
  drop: () => Promise<void>;
}

/** Databases that are copies of one that was migrated once. */
export interface Databases {
  create: () => Promise<StoryDatabase>;
  drop: () => Promise<void>;
}

export async function prepareDatabases(serverUrl: string): Promise<Databases> {
  const template = nameFor("template");
  await onServer(serverUrl, `create database ${template}`);
  const database = connect({ url: urlOf(serverUrl, template), max: 1 });
  await migrate(database);
  await database.close();
  return {
    async create() {
      const name = nameFor("story");
      await onServer(serverUrl, `create database ${name} template ${template}`);
      return { url: urlOf(serverUrl, name), drop: () => drop(serverUrl, name) };
    },
    drop: () => drop(serverUrl, template),
  };
}

function nameFor(purpose: string): string {
  return `seams_${purpose}_${randomBytes(6).toString("hex")}`;
}

function urlOf(serverUrl: string, name: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

function drop(serverUrl: string, name: string): Promise<void> {
  return onServer(serverUrl, `drop database if exists ${name} with (force)`);
}

async function onServer(url: string, statement: string): Promise<void> {
  const database = connect({ url, max: 1 });
  try {
    await database.sql.unsafe(statement);
  } finally {
    await database.close();
  }
}
