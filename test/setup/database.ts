import { randomBytes } from "node:crypto";

import { inject } from "vitest";

import { connect } from "../../persistence/postgres/connect.ts";

export interface TestDatabase {
  url: string;
  drop: () => Promise<void>;
}

/** A database of its own for a test file; a copy of the database `template` when that is given. */
export async function createTestDatabase(template = "template1"): Promise<TestDatabase> {
  const serverUrl = inject("postgresUrl");
  const name = `test_${randomBytes(6).toString("hex")}`;
  await onServer(serverUrl, `create database ${name} template ${template}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return {
    url: url.href,
    drop: () => onServer(serverUrl, `drop database if exists ${name} with (force)`),
  };
}

async function onServer(url: string, statement: string): Promise<void> {
  const database = connect({ url, max: 1 });
  try {
    await database.sql.unsafe(statement);
  } finally {
    await database.close();
  }
}
