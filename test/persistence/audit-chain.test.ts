import { randomBytes } from "node:crypto";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import { verifyAudit } from "../../api/operations/verify-audit.ts";
import type { Query, QueryCall } from "../../api/operations/operation.ts";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import type { Store } from "../../runtime/store.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { append, auditEntry } from "./conformance/audit.ts";

/** Whoever can write to the database can change a row; the chain shows that, and where. Real Postgres, real SQL by hand. */

let testDatabase: TestDatabase;
let database: Database;
let store: Store;
let workspaces = 0;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = connect({ url: testDatabase.url });
  await migrate(database);
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});
beforeEach(() => {
  workspaces += 1;
  store = createPostgresStore({ database, workspaceId: `w${workspaces}` });
});

interface Report {
  checked: number;
  problems: { kind: string; seq: number | null; audit_id: string | null }[];
  anchor_found: boolean;
  unsealed: number;
  checkpoint: string;
}

/** All stretches, as the command line runs them; small ones, so that each check crosses their borders. */
async function verify(input: object = {}): Promise<Report> {
  const report: Report = { checked: 0, problems: [], anchor_found: false, unsealed: 0, checkpoint: "" };
  for (let cursor: string | null | undefined; cursor !== null;) {
    const call = { input: { limit: 2, ...input, cursor: cursor ?? undefined }, store };
    const part = (await (verifyAudit as Query).handler(call as QueryCall<unknown>)) as unknown as Report & {
      next_cursor: string | null;
    };
    report.checked += part.checked;
    report.problems.push(...part.problems);
    report.anchor_found ||= part.anchor_found;
    report.unsealed = part.unsealed;
    report.checkpoint = part.checkpoint;
    cursor = part.next_cursor;
  }
  return report;
}

const seal = () => store.sealAudit({ limit: 100 });
const run = (statement: string) =>
  database.sql.unsafe(statement.replaceAll("$W", `workspace_id = '${store.workspaceId}'`));
const idOf = async (seq: number) =>
  String((await run(`select audit_id from rouse.audit_seal where $W and seq = ${seq}`))[0]?.["audit_id"]);

async function sealedRows(count: number): Promise<void> {
  await append(
    store,
    ...Array.from({ length: count }, (_, index) => ({ subject: `thread/th-${index + 1}`, reason: "why" })),
  );
  await seal();
}

describe("a chain that nobody touched", () => {
  test("verifies from the beginning, from a checkpoint, and against an anchor", async () => {
    await sealedRows(5);
    const { seq, hash } = await store.getAuditHead();
    await append(store, {}, {});
    await seal();
    expect(await verify()).toMatchObject({ checked: 7, problems: [] });
    expect(await verify({ from: `${seq}:${hash}` })).toMatchObject({ checked: 2, problems: [] });
    for (const anchor of [hash, `${seq}:${hash}`])
      expect(await verify({ anchor })).toMatchObject({ problems: [], anchor_found: true });
    expect((await verify({ anchor: "0".repeat(64) })).anchor_found).toBe(false);
  });

  test("shows what waits to be sealed, and takes it for no stranger", async () => {
    await sealedRows(3);
    await append(store, {}, {});
    expect(await verify()).toMatchObject({ checked: 3, problems: [], unsealed: 2 });
  });
});

describe("tampering is found, and the first row of it named", () => {
  const columns: [column: string, value: string][] = [
    ["at", "at + 1"],
    ["at", "9000000000000000000"],
    ["actor", "'eve'"],
    ["role", "'auditor'"],
    ["operation", "'ack_read'"],
    ["subject", "'thread/other'"],
    ["outcome", "'refused'"],
    ["code", "'forbidden'"],
    ["reason", "'because'"],
    ["reason", "null"],
    ["details", `'{"kind":"message","9":1,"10":2}'`],
    ["details", "'no JSON'"],
    ["changes", "'[]'"],
    ["changes", "null"],
    ["request_id", "'r-2'"],
  ];
  test.each(columns)("column %s set to %s", async (column, value) => {
    await sealedRows(5);
    await run(`update rouse.audit set ${column} = ${value} where $W and audit_id = ${await idOf(3)}`);
    const { problems } = await verify();
    expect(problems).toMatchObject([{ kind: "changed", seq: 3, audit_id: await idOf(3) }]);
  });

  test("every column of a row is covered", async () => {
    const rows = await run("select column_name from information_schema.columns where table_name = 'audit'");
    const covered = new Set(["workspace_id", "audit_id", ...columns.map(([column]) => column)]);
    const names = rows.map((row) => String(row["column_name"]));
    expect(names.filter((name) => !covered.has(name))).toEqual([]);
  });

  test.each([
    ["hash", `'${"0".repeat(64)}'`],
    ["sealed_at", "sealed_at + 1"],
  ])("a seal's %s", async (column, value) => {
    await sealedRows(5);
    await run(`update rouse.audit_seal set ${column} = ${value} where $W and seq = 3`);
    expect((await verify()).problems[0]).toMatchObject({ kind: "changed", seq: 3 });
  });

  test("a row removed", async () => {
    await sealedRows(5);
    const id = await idOf(4);
    await run(`delete from rouse.audit where $W and audit_id = ${id}`);
    expect((await verify()).problems).toMatchObject([{ kind: "removed", seq: 4, audit_id: id }]);
  });

  test("a row removed together with its seal", async () => {
    await sealedRows(5);
    await run(`delete from rouse.audit where $W and audit_id = ${await idOf(3)}`);
    await run("delete from rouse.audit_seal where $W and seq = 3");
    expect((await verify()).problems).toMatchObject([{ kind: "removed", seq: 3 }]);
  });

  test("a row removed, and the rows behind it moved up", async () => {
    await sealedRows(5);
    await run(`delete from rouse.audit where $W and audit_id = ${await idOf(3)}`);
    await run("delete from rouse.audit_seal where $W and seq = 3");
    for (const seq of [4, 5])
      await run(`update rouse.audit_seal set seq = ${seq - 1} where $W and seq = ${seq}`);
    expect((await verify()).problems[0]).toMatchObject({ kind: "changed", seq: 3 });
  });

  test("two rows in each other's places", async () => {
    await sealedRows(5);
    const [two, four] = [await idOf(2), await idOf(4)];
    await run("update rouse.audit_seal set audit_id = -1 where $W and seq = 2");
    await run(`update rouse.audit_seal set audit_id = ${two} where $W and seq = 4`);
    await run(`update rouse.audit_seal set audit_id = ${four} where $W and seq = 2`);
    expect((await verify()).problems).toMatchObject([
      { kind: "changed", seq: 2, audit_id: four },
      { kind: "changed", seq: 4, audit_id: two },
    ]);
  });

  const insertRow = () =>
    run(`insert into rouse.audit (workspace_id, at, actor, role, operation, subject, outcome, details, changes)
         values ('${store.workspaceId}', 1, 'eve', 'operator', 'o', 's', 'done', 'null', '[]') returning audit_id`);

  test("a row put there past the program", async () => {
    await sealedRows(3);
    const [row] = await insertRow();
    expect((await verify()).problems).toMatchObject([{ kind: "inserted", audit_id: row?.["audit_id"] }]);
  });

  test("a row put there with a seal of its own", async () => {
    await sealedRows(3);
    const [row] = await insertRow();
    await run("update rouse.audit_seal set seq = 4 where $W and seq = 3");
    await run(`insert into rouse.audit_seal (workspace_id, seq, audit_id, hash, sealed_at)
               values ('${store.workspaceId}', 3, ${row?.["audit_id"]}, '${"a".repeat(64)}', 1)`);
    expect((await verify()).problems[0]).toMatchObject({
      kind: "changed",
      seq: 3,
      audit_id: row?.["audit_id"],
    });
  });

  test("a row of another workspace's chain in the place of one's own", async () => {
    await sealedRows(2);
    const own = store;
    workspaces += 1;
    store = createPostgresStore({ database, workspaceId: `w${workspaces}` });
    await sealedRows(2);
    const foreign = store.workspaceId;
    await database.sql.unsafe(`delete from rouse.audit_seal where workspace_id = '${own.workspaceId}'`);
    for (const table of ["audit", "audit_seal"])
      await database.sql.unsafe(
        `update rouse.${table} set workspace_id = '${own.workspaceId}' where workspace_id = '${foreign}'`,
      );
    store = own;
    expect((await verify()).problems[0]).toMatchObject({ kind: "changed", seq: 1 });
  });

  test("seals removed, with or without their rows: the chain's head remembers", async () => {
    await sealedRows(5);
    const id = await idOf(5);
    await run("delete from rouse.audit_seal where $W and seq = 5");
    expect((await verify()).problems).toMatchObject([
      { kind: "cut_off", seq: 5 },
      { kind: "inserted", audit_id: id },
    ]);
    await run(`delete from rouse.audit where $W and audit_id = ${id}`);
    expect((await verify()).problems).toMatchObject([{ kind: "cut_off", seq: 5 }]);
  });

  test("the head set back or removed", async () => {
    await sealedRows(5);
    await run("update rouse.audit_head set seq = 2 where $W");
    expect((await verify()).problems).toMatchObject([{ kind: "changed", seq: 3 }]);
    await run("delete from rouse.audit_head where $W");
    expect((await verify()).problems).toMatchObject([{ kind: "changed", seq: 1 }]);
  });

  test("the end cut off everywhere, or all of it written anew, is found by an anchor alone", async () => {
    await sealedRows(5);
    const { seq, hash } = await store.getAuditHead();
    const four = (await store.listAuditLinks({ afterSeq: 3, limit: 1 }))[0];
    await run(`delete from rouse.audit where $W and audit_id = ${await idOf(5)}`);
    await run("delete from rouse.audit_seal where $W and seq = 5");
    await run(`update rouse.audit_head set seq = 4, hash = '${four?.hash}' where $W`);
    expect(await verify()).toMatchObject({ problems: [] });
    expect(await verify({ anchor: `${seq}:${hash}` })).toMatchObject({ anchor_found: false });
    await append(store, { reason: "another fifth row" });
    await seal();
    expect((await verify()).problems).toEqual([]);
    expect((await verify({ anchor: `${seq}:${hash}` })).problems).toMatchObject([{ kind: "anchor", seq: 5 }]);
    expect((await verify({ from: `${seq}:${hash}` })).problems).toMatchObject([{ kind: "cut_off", seq: 5 }]);
  });

  test("a row removed while it waited to be sealed", async () => {
    await append(store, {}, {});
    const [row] = await run("delete from rouse.audit where $W returning audit_id");
    await seal();
    expect((await verify()).problems[0]).toMatchObject({ kind: "removed", audit_id: row?.["audit_id"] });
  });
});

describe("the sealer", () => {
  test("leaves out nothing that commits late: it goes into a later batch", async () => {
    const late = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const slow = store.transaction(async (tx) => {
      await tx.appendAudit(auditEntry({ subject: "late" }));
      begun.resolve();
      await late.promise;
    });
    await begun.promise;
    await append(store, { subject: "early" });
    expect(await seal()).toBe(1);
    late.resolve();
    await slow;
    expect(await seal()).toBe(1);
    const { rows } = await store.listAudit({ order: "chain", limit: 9 });
    expect(rows.map(({ subject }) => subject)).toEqual(["early", "late"]);
    expect(await verify()).toMatchObject({ checked: 2, problems: [] });
  });

  test.each(["audit_head", "audit_unsealed", "audit_seal"])(
    "leaves nothing half done when it dies while it writes %s",
    async (table) => {
      await sealedRows(2);
      await append(store, {}, {}, {});
      const dying = dyingAt(database, table);
      const other = createPostgresStore({ database: dying.database, workspaceId: store.workspaceId });
      await expect(other.sealAudit({ limit: 100 })).rejects.toThrow("killed at");
      expect(dying.hasDied()).toBe(true);
      expect(await verify()).toMatchObject({ checked: 2, problems: [], unsealed: 3 });
      expect(await seal()).toBe(3);
      expect(await verify()).toMatchObject({ checked: 5, problems: [], unsealed: 0 });
    },
  );

  test("gives way at once to another that has the chain in hand", async () => {
    await sealedRows(1);
    await append(store, {});
    await database.transaction(async (sql) => {
      await sql`select 1 from rouse.audit_head where workspace_id = ${store.workspaceId} for update`;
      expect(await seal()).toBe(0);
    });
    expect(await seal()).toBe(1);
  });

  test("takes up rows of the release before, which told no changes, when it sweeps", async () => {
    await run(`insert into rouse.audit (workspace_id, at, actor, role, operation, subject, outcome, details)
               select '${store.workspaceId}', n, 'ann', 'operator', 'o', 's', 'done', 'null'
               from generate_series(1, 5) n`);
    expect(await verify()).toMatchObject({ checked: 0, problems: [] });
    expect(await seal()).toBe(0);
    expect(await store.sealAudit({ limit: 3, sweep: true })).toBe(3);
    expect(await store.sealAudit({ limit: 3, sweep: true })).toBe(2);
    expect(await verify()).toMatchObject({ checked: 5, problems: [] });
  });
});

test("a role that is no superuser cannot change or remove rows, though it owns the tables", async () => {
  const role = `owner_${randomBytes(4).toString("hex")}`;
  const own = await createTestDatabase();
  const admin = connect({ url: own.url, max: 1 });
  try {
    await admin.sql.unsafe(`create role ${role} login password 'p'`);
    await admin.sql.unsafe(`grant create on database ${new URL(own.url).pathname.slice(1)} to ${role}`);
    await admin.sql.unsafe(`set role ${role}`);
    await migrate(admin);
    const owned = createPostgresStore({ database: admin, workspaceId: "w" });
    await append(owned, {}, {});
    expect(await owned.sealAudit({ limit: 9 })).toBe(2);
    for (const table of ["audit", "audit_seal"]) {
      for (const statement of [
        `update rouse.${table} set workspace_id = 'x'`,
        `delete from rouse.${table}`,
        `truncate rouse.${table}`,
      ])
        await expect(admin.sql.unsafe(statement)).rejects.toThrow("permission denied");
    }
    expect((await owned.listAudit({ limit: 9 })).rows).toHaveLength(2);
  } finally {
    await admin.sql.unsafe("reset role");
    await admin.sql.unsafe(`drop owned by ${role} cascade`);
    await admin.sql.unsafe(`drop role ${role}`);
    await admin.close();
    await own.drop();
  }
});

/** Its connection breaks at the first statement that writes to this table, as when the process is killed there. */
function dyingAt(real: Database, table: string): { database: Database; hasDied: () => boolean } {
  let died = false;
  const breaking = (sql: Database["sql"]): Database["sql"] =>
    new Proxy(sql, {
      apply(target, self, args: [TemplateStringsArray, ...unknown[]]) {
        const text = args[0].join("?");
        const writes = new RegExp(`(?:insert into|delete from|update) rouse\\.${table}\\b`).test(text);
        // The head's first statement makes its row: let it pass, and break where the head moves.
        if (writes && !text.includes("do nothing")) {
          died = true;
          throw new Error(`killed at ${table}`);
        }
        return Reflect.apply(target, self, args) as never;
      },
    });
  return {
    hasDied: () => died,
    database: {
      ...real,
      transaction: (work, options) => real.transaction((sql, opened) => work(breaking(sql), opened), options),
    },
  };
}
