import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { connect as connectTo, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";

import type { Database } from "../../persistence/postgres/connect.ts";
import { connect } from "../../persistence/postgres/connect.ts";
import type { TestDatabase } from "../setup/database.ts";
import { createTestDatabase } from "../setup/database.ts";

let own: TestDatabase;
let database: Database;
let admin: Database;

beforeAll(async () => {
  own = await createTestDatabase();
  database = connect({ url: own.url, max: 3, applicationName: "rouse-under-test", deadlineMs: 5_000 });
  admin = connect({ url: inject("postgresUrl"), max: 1 });
  await database.sql`create table item (id int primary key)`;
});

beforeEach(() => database.sql`truncate item`);

afterAll(async () => {
  await database.close();
  await admin.close();
  await own.drop();
});

async function items(): Promise<number[]> {
  const rows = await database.sql<{ id: number }[]>`select id from item order by id`;
  return rows.map((row) => row.id);
}

describe("statements", () => {
  test("parameters, fragments, lists, JSON and arrays work as in postgres.js", async () => {
    const { sql } = database;
    const rows = await sql`
      select ${1}::int as one, ${sql.json({ x: 1 })} as doc, ${["a", "b"]}::text[] as list
      where 'b' = any(${["a", "b"]}) and 1 in ${sql([1, 2])} ${sql`and ${2} = 2`}`;
    expect([...rows]).toEqual([{ one: 1, doc: { x: 1 }, list: ["a", "b"] }]);
  });

  test.each([
    ["text[]", ["plain", 'quo"te', "back\\slash", "com,ma", "{brace}", "", "NULL", null, "new\nline"]],
    ["int[]", [1, -2, null]],
    ["bigint[]", ["9007199254740993", null]],
    ["text[]", []],
  ])("an array goes to the server as %s and comes back the same: %j", async (type, values) => {
    const [row] =
      await database.sql`select ${values}::${database.sql.unsafe(type)} as back, cardinality(${values}::text[]) as size`;
    expect(row).toEqual({ back: values, size: values.length });
  });

  test("a socket's folder in the URL is where it connects", async () => {
    const folder = mkdtempSync(join(tmpdir(), "rouse-socket-"));
    const target = new URL(inject("postgresUrl"));
    // Stands for the server's own socket: passes every byte on.
    const server = createServer((client) => {
      client.pipe(connectTo(Number(target.port), target.hostname)).pipe(client);
    });
    server.listen(join(folder, ".s.PGSQL.5432"));
    await once(server, "listening");
    const url = `postgres://${target.username}:${target.password}@localhost/postgres?host=${folder}`;
    const there = connect({ url, max: 1 });
    expect(await there.sql`select 1 as one`).toEqual([{ one: 1 }]);
    await there.close();
    server.close();
    rmSync(folder, { recursive: true });
  });

  test("more callers than connections are all served", async () => {
    const calls = Array.from({ length: 50 }, (_, n) => database.sql<{ n: number }[]>`select ${n}::int as n`);
    expect((await Promise.all(calls)).map((rows) => rows[0]?.n)).toEqual([...calls.keys()]);
  });

  test("a statement that the server refuses keeps its SQLSTATE, and the connection lives on", async () => {
    await database.sql`insert into item values (1)`;
    await expect(database.sql`insert into item values (1)`).rejects.toMatchObject({ code: "23505" });
    await expect(database.sql.unsafe("selec")).rejects.toMatchObject({ code: "42601" });
    expect(await items()).toEqual([1]);
  });

  test("cursors, which would crash on a broken connection, are refused", () => {
    expect(() => database.sql`select 1`.cursor()).toThrow(/not supported/u);
  });
});

describe("transactions", () => {
  test("what is fulfilled is committed, what is rejected is rolled back", async () => {
    const result = await database.transaction(async (sql) => {
      await sql`insert into item values (1)`;
      return "done";
    });
    expect(result).toBe("done");
    const failing = database.transaction(async (sql) => {
      await sql`insert into item values (2)`;
      throw new Error("changed my mind");
    });
    await expect(failing).rejects.toThrow("changed my mind");
    expect(await items()).toEqual([1]);
  });

  test("a swallowed failure does not pass for a commit", async () => {
    const swallowing = database.transaction(async (sql) => {
      await sql`insert into item values (1)`;
      await sql`insert into item values (1)`.catch(() => null);
    });
    await expect(swallowing).rejects.toMatchObject({ code: "23505" });
    expect(await items()).toEqual([]);
  });

  test("a failure that nobody waits for is what later statements tell, not that the transaction is aborted", async () => {
    const going = database.transaction(async (sql) => {
      await sql`insert into item values (1)`;
      sql`insert into item values (1)`.catch(() => null);
      await sql`insert into item values (2)`;
    });
    await expect(going).rejects.toMatchObject({ code: "23505" });
  });

  test("after its connection is lost no statement of a transaction runs outside of it", async () => {
    const broken = database.transaction(async (sql) => {
      await sql`insert into item values (1)`;
      await sql`select pg_terminate_backend(pg_backend_pid())`.catch(() => null);
      await sql`insert into item values (2)`.catch(() => null);
    });
    await expect(broken).rejects.toMatchObject({ code: "database_unavailable", retryable: true });
    expect(await items()).toEqual([]);
  });

  test("when BEGIN alone is refused, the work that started together with it writes nothing", async () => {
    const { hostname, port } = new URL(own.url);
    // Passes every byte on, but makes the server stumble over BEGIN: a refusal after which the connection lives on.
    const server = createServer((client) => {
      const upstream = connectTo(Number(port), hostname);
      client.on("data", (bytes: Buffer) =>
        upstream.write(Buffer.from(bytes.toString("latin1").replace("begin\0", "bogin\0"), "latin1")),
      );
      upstream.pipe(client);
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = new URL(own.url);
    url.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const there = connect({ url: url.href, max: 1 });
    const refused = there.transaction(
      async (sql) => {
        await sql`select 1`;
        await sql`insert into item values (1)`;
      },
      { startsByReading: true },
    );
    await expect(refused).rejects.toMatchObject({ code: "42601" });
    await there.sql`select 1`;
    expect(await items()).toEqual([]);
    await there.close();
    server.close();
  });

  test("work that starts together with BEGIN is committed and rolled back as ever", async () => {
    const startsByReading = true;
    await database.transaction((sql) => sql`insert into item values (1)`, { startsByReading });
    const failing = database.transaction(
      async (sql) => {
        await sql`select 1`;
        await sql`insert into item values (2)`;
        throw new Error("planted");
      },
      { startsByReading },
    );
    await expect(failing).rejects.toThrow("planted");
    expect(await items()).toEqual([1]);
  });

  test("a statement after the end of its transaction is refused", async () => {
    const escaped = await database.transaction(async (sql) => ({ sql }));
    await expect(escaped.sql`insert into item values (1)`).rejects.toThrow(/over/u);
    expect(await items()).toEqual([]);
  });

  test("a connection lost during COMMIT tells that the outcome is unknown", async () => {
    await database.sql.unsafe(`
      create table last_words (id int);
      create function die() returns trigger language plpgsql as
        $$ begin perform pg_terminate_backend(pg_backend_pid()); return null; end $$;
      create constraint trigger at_commit after insert on last_words deferrable initially deferred
        for each row execute function die()`);
    const dying = database.transaction((sql) => sql`insert into last_words values (1)`);
    await expect(dying).rejects.toMatchObject({ code: "commit_outcome_unknown", retryable: true });
    await expect(database.sql`insert into last_words values (1)`).rejects.toMatchObject({
      code: "commit_outcome_unknown",
    });
  });
});

describe("deadlines", () => {
  test("a slow statement is given up by the server first, so that its outcome is known", async () => {
    const hasty = connect({ url: own.url, deadlineMs: 2_000 });
    await hasty.sql`select 1`;
    const slow = hasty.sql`insert into item select 1 from pg_sleep(20)`;
    await expect(slow).rejects.toMatchObject({ code: "database_unavailable", details: { reason: "57014" } });
    await hasty.close();
    expect(await items()).toEqual([]);
  });

  test("work that never ends loses its transaction, and the connection is replaced", async () => {
    const stuck = database.transaction(() => new Promise<never>(() => undefined), { deadlineMs: 100 });
    await expect(stuck).rejects.toMatchObject({ code: "database_unavailable" });
    expect(await items()).toEqual([]);
  });

  test("who waits for a free connection waits no longer than the deadline", async () => {
    const narrow = connect({ url: own.url, max: 1, deadlineMs: 200 });
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
    const holder = narrow.transaction(() => held, { deadlineMs: 10_000 });
    await expect(narrow.sql`select 1`).rejects.toMatchObject({ code: "database_unavailable" });
    letGo();
    await holder;
    expect(await narrow.sql`select 1 as one`).toHaveLength(1);
    await narrow.close();
  });

  test("servers that accept but never answer, and hosts that are all down, do not hang a call", async () => {
    const sockets: Socket[] = [];
    const silent = createServer((socket) => sockets.push(socket)).listen(0, "127.0.0.1");
    await once(silent, "listening");
    const { port } = silent.address() as AddressInfo;
    for (const hosts of [`127.0.0.1:${port}`, "127.0.0.1:1,127.0.0.1:2", `127.0.0.1:1,127.0.0.1:${port}`]) {
      const unreachable = connect({ url: `postgres://user:word@${hosts}/name`, deadlineMs: 300 });
      await expect(unreachable.sql`select 1`).rejects.toMatchObject({ code: "database_unavailable" });
      await unreachable.close();
    }
    for (const socket of sockets) socket.destroy();
    silent.close();
  });
});

describe("the pool", () => {
  test("of several hosts the one that answers serves", async () => {
    const url = own.url.replace("127.0.0.1:", "127.0.0.1:1,127.0.0.1:");
    const several = connect({ url });
    expect(await several.sql`select 1 as one`).toHaveLength(1);
    await several.close();
  });

  test("a node that became read-only is left: every connection is replaced", async () => {
    const name = new URL(own.url).pathname.slice(1);
    await admin.sql.unsafe(`alter database ${name} set default_transaction_read_only = on`);
    const stale = connect({ url: own.url, max: 2 });
    await Promise.all([stale.sql`select pg_sleep(0.05)`, stale.sql`select pg_sleep(0.05)`]);
    await admin.sql.unsafe(`alter database ${name} reset default_transaction_read_only`);
    await expect(stale.sql`insert into item values (1)`).rejects.toMatchObject({
      code: "database_unavailable",
      details: { reason: "25006" },
    });
    await Promise.all([stale.sql`insert into item values (2)`, stale.sql`insert into item values (3)`]);
    await stale.close();
    expect(await items()).toEqual([2, 3]);
  });

  test("a connection past its lifetime is replaced", async () => {
    const shortLived = connect({ url: own.url, max: 1, maxLifetimeMs: 0 });
    const backends = new Set<unknown>();
    for (let n = 0; n < 3; n += 1)
      backends.add((await shortLived.sql`select pg_backend_pid() as pid`)[0]?.["pid"]);
    expect(backends.size).toBe(3);
    await shortLived.close();
  });

  test("close refuses who waits, breaks what runs, and leaves no session on the server", async () => {
    const closing = connect({ url: own.url, max: 1, applicationName: "rouse-closing" });
    const running = closing.transaction((sql) => sql`select pg_sleep(20)`);
    const waiting = closing.sql`select 1`.execute();
    const outcomes = Promise.allSettled([running, waiting]);
    await expect.poll(() => sessions("rouse-closing")).toBe(1);
    await closing.close();
    expect((await outcomes).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    await expect(closing.sql`select 1`).rejects.toMatchObject({ code: "database_unavailable" });
    await admin.sql`select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rouse-closing'`;
    await expect.poll(() => sessions("rouse-closing")).toBe(0);
  });
});

test("a listener hears notifications and tells when its connection has ended", async () => {
  const heard = Promise.withResolvers<string>();
  const listener = await database.listen("bell", heard.resolve);
  await database.sql`select pg_notify('bell', 'ring')`;
  expect(await heard.promise).toBe("ring");
  await admin.sql`select pg_terminate_backend(pid) from pg_stat_activity where query ilike 'listen %bell%'`;
  expect(await listener.ended).toMatchObject({ code: "database_unavailable" });
});

async function sessions(applicationName: string): Promise<number> {
  const rows = await admin.sql<{ count: number }[]>`
    select count(*)::int from pg_stat_activity where application_name = ${applicationName}`;
  return rows[0]?.count ?? -1;
}
