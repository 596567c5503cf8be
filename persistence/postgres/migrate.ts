import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";

import { RouseError } from "../../runtime/errors.ts";
import type { Database, Sql } from "./connect.ts";
import { asRouseError } from "./refusal.ts";

export interface Migration {
  id: number;
  name: string;
  text: string;
  checksum: string;
}

/** The same folder beside the source and beside the built file. */
const folder = new URL("migrations/", import.meta.url);
/** Any number that nothing else in the database locks. */
const lockKey = 7_266_873;

/**
 * Brings the schema to this version of the program; without anything to do it changes nothing. Several nodes may call
 * it at once: each migration runs in a transaction of its own, under a lock that ends with that transaction.
 * Returns how many ran here. Throws `schema_mismatch` when the database is newer, or a migration was edited after it ran.
 */
export async function migrate(database: Database, migrations?: readonly Migration[]): Promise<number> {
  const known = migrations ?? (await readMigrations());
  try {
    let count = 0;
    while (await database.transaction((sql) => runNext(sql, known))) count += 1;
    return count;
  } catch (error) {
    throw asRouseError(error);
  }
}

/** In order; files are named 0001_what_it_does.sql. */
export async function readMigrations(): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => /^\d{4}_\w+\.sql$/u.test(name)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const text = await readFile(new URL(name, folder), "utf8");
      return {
        id: Number(name.slice(0, 4)),
        name,
        text,
        checksum: createHash("sha256").update(text).digest("hex"),
      };
    }),
  );
}

async function runNext(sql: Sql, known: readonly Migration[]): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(${lockKey})`;
  const applied = await appliedMigrations(sql);
  for (const { id, name, checksum } of applied) requireSame(known, { id, name, checksum });
  const next = known.find(({ id }) => applied.every((row) => row.id !== id));
  if (next === undefined) return false;
  await sql.unsafe("create schema if not exists rouse");
  await sql.unsafe(
    "create table if not exists rouse.migration (id integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())",
  );
  await sql.unsafe(next.text);
  await sql`insert into rouse.migration (id, name, checksum) values (${next.id}, ${next.name}, ${next.checksum})`;
  return true;
}

/**
 * Asks the catalogue's rows, not `to_regclass`: whoever waited for the lock may remember from before that the schema is
 * missing, and Postgres forgets that only when it opens a table.
 */
async function appliedMigrations(sql: Sql): Promise<Pick<Migration, "id" | "name" | "checksum">[]> {
  const found = await sql`select 1 from pg_tables where schemaname = 'rouse' and tablename = 'migration'`;
  if (found.length === 0) return [];
  return sql<
    Pick<Migration, "id" | "name" | "checksum">[]
  >`select id, name, checksum from rouse.migration order by id`;
}

function requireSame(
  known: readonly Migration[],
  applied: Pick<Migration, "id" | "name" | "checksum">,
): void {
  const ours = known.find(({ id }) => id === applied.id);
  if (ours === undefined) {
    throw new RouseError(
      "schema_mismatch",
      `The database has migration ${applied.name}, which this version lacks.`,
      {
        nextStep: "Run the newer version of rouse that made this database, or use another database.",
      },
    );
  }
  if (ours.checksum === applied.checksum) return;
  throw new RouseError(
    "schema_mismatch",
    `Migration ${applied.name} was changed after it ran on this database.`,
    {
      nextStep: "Restore the released file; put changes of the schema in a new migration.",
    },
  );
}
