import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate, readMigrations, type Migration } from "../../persistence/postgres/migrate.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { expectRefusal } from "./conformance/subject.ts";

let testDatabase: TestDatabase;
let database: Database;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = connect({ url: testDatabase.url });
});

beforeEach(async () => {
  await database.sql`drop schema if exists rouse cascade`;
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const migration = (id: number, text: string, compatibleWith = id): Migration => ({
  id,
  name: `000${id}_test.sql`,
  text,
  checksum: `checksum of ${text}`,
  compatibleWith,
});
const first = migration(1, "create table rouse.first (n integer); insert into rouse.first values (1)");
const second = migration(2, "alter table rouse.first add column m integer");

const filledTables = [
  "actor",
  "mailbox",
  "timer",
  "effect",
  "effect_attempt",
  "journal",
  "dead_letter",
  "node",
];

/** A row in every table that a workspace at work fills, as the first release wrote them. */
async function fill(): Promise<void> {
  await database.sql.unsafe(`
    insert into rouse.actor
      select 'w', 'thread/' || n, 'thread', '', 1, 'active', '1', 'hash', '{}', 1, 1 from generate_series(1, 1000) n;
    insert into rouse.mailbox (workspace_id, shard, address, sender, event, sent_at)
      select 'w', n % 64, 'thread/' || n, 'test', '{"type":"x"}', 1 from generate_series(1, 1000) n;
    insert into rouse.timer values ('w', 'thread/1', 't', 1, 1, 1, '{}', '{}');
    insert into rouse.effect (workspace_id, address, incarnation, shard, invoke_id, port, input, host, exclusive_key,
        status, lease_expires_at, node_id, run_at, requested_at)
      select 'w', 'thread/' || n, 1, 1, 'i', 'p', '{}', '', 'key ' || n, status, 1, 'node-1', 1, 1
      from generate_series(1, 100) n, lateral (select (array['running', 'done', 'failed'])[1 + n % 3]) s(status);
    insert into rouse.effect_attempt (workspace_id, address, incarnation, attempt, node_id, lease_token, claimed_at)
      values ('w', 'thread/1', 1, 1, 'node-1', 1, 1);
    insert into rouse.journal (workspace_id, address, seq, at, machine_hash, entry) values ('w', 'thread/1', 1, 1, 'hash', '{}');
    insert into rouse.dead_letter (workspace_id, address, sender, event, error, at) values ('w', 'thread/1', 'x', '{}', '{}', 1);
    insert into rouse.node values ('w', 'node-1', 'host', 'http://localhost', 1);`);
}

async function contents(): Promise<Record<string, number>> {
  const counted = await Promise.all(
    filledTables.map(async (table) => {
      const [row] = await database.sql.unsafe(`select count(*) as n from rouse.${table}`);
      return [table, Number(row?.["n"])] as const;
    }),
  );
  return Object.fromEntries(counted);
}

/** How many migrations ran there. */
async function migrateInProcess(): Promise<number> {
  const program = fileURLToPath(new URL("../fixtures/migrate.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [program, testDatabase.url]);
  return Number(stdout);
}

describe("migrations", () => {
  test("the released files run in order, and running them again changes nothing", async () => {
    const files = await readMigrations();
    const ids = files.map(({ id }) => id);
    expect(ids).toEqual([...new Set(ids)].toSorted((a, b) => a - b));
    expect(await migrate(database)).toBe(files.length);
    expect(await migrate(database)).toBe(0);
  });

  test("nodes that migrate at once run each migration once, also when they remember an empty database", async () => {
    const other = connect({ url: testDatabase.url });
    const nodes = [database, other, database, other];
    const remember = nodes.map((node) =>
      node.transaction((sql) => sql`select to_regclass('rouse.migration')`),
    );
    await Promise.all(remember);
    const runs = await Promise.all(nodes.map((each) => migrate(each, [first, second])));
    await other.close();
    expect(runs.reduce((sum, count) => sum + count, 0)).toBe(2);
    expect(await database.sql`select * from rouse.first`).toHaveLength(1);
  });

  test("a newer version runs only what is missing", async () => {
    expect(await migrate(database, [first])).toBe(1);
    expect(await migrate(database, [first, second])).toBe(1);
  });

  test("a failing migration leaves nothing of itself and keeps those before it", async () => {
    const broken = migration(2, "create table rouse.half (n integer); select 1 / 0");
    await expectRefusal(migrate(database, [first, broken]), "internal");
    const [row] =
      await database.sql`select to_regclass('rouse.half') is null as is_half_gone, to_regclass('rouse.first') is null as is_first_gone`;
    expect(row).toEqual({ is_half_gone: true, is_first_gone: false });
    expect(await migrate(database, [first, second])).toBe(1);
  });

  test("a migration that was edited after it ran is refused", async () => {
    await migrate(database, [first]);
    await expectRefusal(migrate(database, [{ ...first, checksum: "other" }]), "schema_mismatch");
  });

  test("a database newer than the program is refused", async () => {
    await migrate(database, [first, second]);
    await expectRefusal(migrate(database, [first]), "schema_mismatch");
  });

  test("a database newer by migrations that say that the program runs on them is taken as it is", async () => {
    const third = migration(3, "create table rouse.third (n integer)", 2);
    await migrate(database, [first, { ...second, compatibleWith: 1 }]);
    expect(await migrate(database, [first])).toBe(0);
    await migrate(database, [first, { ...second, compatibleWith: 1 }, third]);
    expect(await migrate(database, [first, { ...second, compatibleWith: 1 }])).toBe(0);
    await expectRefusal(migrate(database, [first]), "schema_mismatch");
  });

  test("every file after the first says which programs run on it", async () => {
    const [, ...later] = await readMigrations();
    expect(
      later.filter(({ text }) => !/^-- compatible-with: \d{4}$/mu.test(text)).map(({ name }) => name),
    ).toEqual([]);
    expect(later.filter(({ id, compatibleWith }) => compatibleWith > id)).toEqual([]);
  });

  test("gives way to those who hold a table's lock, and comes back", async () => {
    await migrate(database, [first]);
    const holder = connect({ url: testDatabase.url });
    const locked = Promise.withResolvers<void>();
    const release = Promise.withResolvers<void>();
    const holding = holder.transaction(async (sql) => {
      await sql`lock table rouse.first`;
      locked.resolve();
      await release.promise;
    });
    await locked.promise;
    const impatient = { ...second, text: `set local lock_timeout = 50; ${second.text}` };
    let attempts = 0;
    const counting: Database = {
      ...database,
      transaction(work, options) {
        attempts += 1;
        if (attempts === 3) release.resolve();
        return database.transaction(work, options);
      },
    };
    expect(await migrate(counting, [first, impatient])).toBe(1);
    expect(attempts).toBeGreaterThanOrEqual(3);
    await holding;
    await holder.close();
  });

  test("two processes at once bring a filled database from the first schema to the newest", async () => {
    const [foundation, ...later] = await readMigrations();
    await migrate(database, [foundation!]);
    await fill();
    const before = await contents();
    const runs = await Promise.all([migrateInProcess(), migrateInProcess()]);
    expect(runs[0] + runs[1]).toBe(later.length);
    expect(await contents()).toEqual(before);
    expect(await migrate(database)).toBe(0);
  });

  test("every table leads its primary key with the workspace", async () => {
    await migrate(database);
    const rows = await database.sql<{ table: string; leading: string | null }[]>`
      select c.relname as table, a.attname as leading
      from pg_class c
      join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'rouse'
      left join pg_index i on i.indrelid = c.oid and i.indisprimary
      left join pg_attribute a on a.attrelid = c.oid and a.attnum = i.indkey[0]
      where c.relkind = 'r' and c.relname <> 'migration'`;
    expect(rows.length).toBeGreaterThan(15);
    expect(rows.filter(({ leading }) => leading !== "workspace_id")).toEqual([]);
  });

  test("no foreign key, and no unique key without the workspace, ties workspaces together", async () => {
    await migrate(database);
    const ties = await database.sql`
      select i.indexrelid::regclass as index
      from pg_index i
      join pg_class c on c.oid = i.indrelid and c.relname <> 'migration'
      join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'rouse'
      join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
      where i.indisunique and a.attname <> 'workspace_id'
      union all
      select conname::regclass from pg_constraint where contype = 'f' and connamespace = 'rouse'::regnamespace
      union all
      select tgname::regclass from pg_trigger t join pg_class c on c.oid = t.tgrelid
      where c.relnamespace = 'rouse'::regnamespace and not t.tgisinternal`;
    expect([...ties]).toEqual([]);
  });
});
