import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";

import { RouseError, isRouseError } from "../../runtime/errors.ts";
import type { Database, Sql } from "./connect.ts";
import { asRouseError } from "./refusal.ts";

export interface Migration {
  id: number;
  name: string;
  text: string;
  checksum: string;
  /** Id of the newest migration of the oldest program that runs on the schema after this one. */
  compatibleWith: number;
}

/** The same folder beside the source and beside the built file. */
const folder = new URL("migrations/", import.meta.url);
/** Any number that nothing else in the database locks. */
const lockKey = 7_266_873;
/** Whoever waits for a table's lock makes everybody behind it wait, too: rather give way and try again. */
const lockTimeoutMs = 5_000;
const lockAttempts = 12;
/** For one migration: an index over millions of rows is made in minutes. */
const deadlineMs = 30 * 60_000;

/**
 * Brings the schema to this version of the program; without anything to do it changes nothing. Several nodes may call
 * it at once: each migration runs in a transaction of its own, under a lock that ends with that transaction.
 * Returns how many ran here. Throws `schema_mismatch` when the database is newer by a migration that this version does
 * not run on, or a migration was edited after it ran; `conflict` when others keep a table locked.
 */
export async function migrate(database: Database, migrations?: readonly Migration[]): Promise<number> {
  const known = migrations ?? (await readMigrations());
  let count = 0;
  while (await runNextPatiently(database, known)) count += 1;
  return count;
}

async function runNextPatiently(database: Database, known: readonly Migration[]): Promise<boolean> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await database.transaction((sql) => runNext(sql, known), { deadlineMs });
    } catch (error) {
      const refusal = asRouseError(error);
      if (attempt === lockAttempts || !isRouseError(refusal, "conflict")) throw refusal;
    }
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
        compatibleWith: compatibleWith(text) ?? Number(name.slice(0, 4)),
      };
    }),
  );
}

/** A line `-- compatible-with: 0001`; without it, no older program runs on the schema. */
function compatibleWith(text: string): number | null {
  const found = /^-- compatible-with: (\d{4})$/mu.exec(text)?.[1];
  return found === undefined ? null : Number(found);
}

async function runNext(sql: Sql, known: readonly Migration[]): Promise<boolean> {
  await sql`select pg_advisory_xact_lock(${lockKey})`;
  const applied = await appliedMigrations(sql);
  for (const row of applied) requireFit(known, row);
  const next = known.find(({ id }) => applied.every((row) => row.id !== id));
  if (next === undefined) return false;
  // After the wait for the other migrators, which may be long.
  await sql.unsafe(`set local lock_timeout = ${lockTimeoutMs}`);
  await sql.unsafe("create schema if not exists rouse");
  await sql.unsafe(
    "create table if not exists rouse.migration (id integer primary key, name text not null, checksum text not null, applied_at timestamptz not null default now())",
  );
  await sql.unsafe("alter table rouse.migration add column if not exists compatible_with integer");
  await sql.unsafe(next.text);
  await sql`
    insert into rouse.migration (id, name, checksum, compatible_with)
    values (${next.id}, ${next.name}, ${next.checksum}, ${next.compatibleWith})`;
  return true;
}

type Applied = Pick<Migration, "id" | "name" | "checksum"> & { compatibleWith: number | null };

/**
 * Asks the catalogue's rows, not `to_regclass`: whoever waited for the lock may remember from before that the schema is
 * missing, and Postgres forgets that only when it opens a table.
 */
async function appliedMigrations(sql: Sql): Promise<Applied[]> {
  const found = await sql`select 1 from pg_tables where schemaname = 'rouse' and tablename = 'migration'`;
  if (found.length === 0) return [];
  // Not by name: the first release made the table without the column.
  const rows = await sql`select to_jsonb(m) ->> 'compatible_with' as compatible_with, m.id, m.name, m.checksum
    from rouse.migration m order by m.id`;
  return rows.map((row) => ({
    id: row["id"],
    name: row["name"],
    checksum: row["checksum"],
    compatibleWith: row["compatible_with"] === null ? null : Number(row["compatible_with"]),
  }));
}

function requireFit(known: readonly Migration[], applied: Applied): void {
  const ours = known.find(({ id }) => id === applied.id);
  if (ours === undefined) return requireTolerant(known, applied);
  if (ours.checksum === applied.checksum) return;
  throw new RouseError(
    "schema_mismatch",
    `Migration ${applied.name} was changed after it ran on this database.`,
    {
      nextStep: "Restore the released file; put changes of the schema in a new migration.",
    },
  );
}

/** A newer program's migration that says that this one runs on it: both run side by side while an upgrade goes on. */
function requireTolerant(known: readonly Migration[], { name, compatibleWith }: Applied): void {
  const newest = Math.max(0, ...known.map(({ id }) => id));
  if (compatibleWith !== null && compatibleWith <= newest) return;
  throw new RouseError(
    "schema_mismatch",
    `The database has migration ${name}, which this version lacks and does not run on.`,
    {
      nextStep: "Run the newer version of rouse that made this database, or use another database.",
    },
  );
}
