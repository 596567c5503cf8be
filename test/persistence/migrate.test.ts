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

const migration = (id: number, text: string): Migration => ({
  id,
  name: `000${id}_test.sql`,
  text,
  checksum: `checksum of ${text}`,
});
const first = migration(1, "create table rouse.first (n integer); insert into rouse.first values (1)");
const second = migration(2, "alter table rouse.first add column m integer");

describe("migrations", () => {
  test("the released files run in order, and running them again changes nothing", async () => {
    const files = await readMigrations();
    expect(files.map(({ id }) => id)).toEqual(files.map((_, index) => index + 1));
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
