import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { until } from "../network/until.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { readLastMails, readRemainingRows } from "./history.ts";

let own: TestDatabase;
let database: Database;

beforeAll(async () => {
  own = await createTestDatabase();
  database = connect({ url: own.url, max: 2 });
  await migrate(database);
});

afterAll(async () => {
  await database.close();
  await own.drop();
});

const remains = () => database.transaction(readRemainingRows);

test("a runtime that lives is seen behind hundreds that have ended", async () => {
  const runtime = (id: string, status: string, state: string): string =>
    `insert into rouse.actor (workspace_id, address, kind, subject, version, status, machine_version, machine_hash, record, created_at, updated_at)
     values ('w', 'runtime/${id}', 'runtime', 'ann', 1, '${status}', '1', 'h',
       '{"snapshot":{"context":{"reported":{"state":"${state}"}}}}', 0, 0)`;
  const ended = Array.from({ length: 200 }, (_, nth) => runtime(`a${nth}`, "done", "deregistered"));
  const rest = [runtime("b", "active", "dead"), runtime("worker", "active", "idle")];
  await database.sql.unsafe([...ended, ...rest].join(";"));
  expect((await remains()).livingRuntimes).toEqual(["worker"]);
});

test("a transaction that stays open is told with its statement", async () => {
  const end = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const open = database.transaction(async (sql) => {
    await sql`select 'left open'`;
    begun.resolve();
    await end.promise;
  });
  await begun.promise;
  await until("it to count as open for too long", 20_000, async () => {
    const [seen = ""] = (await remains()).openTransactions;
    return seen.includes("idle in transaction") && seen.includes("left open");
  });
  end.resolve();
  await open;
  expect((await remains()).openTransactions).toEqual([]);
});

test("the last mails are told in the order in which they were applied", async () => {
  const entry = (seq: number, at: number, text: string): string =>
    `insert into rouse.journal (workspace_id, address, seq, at, machine_hash, entry) values ('w', 'thread/t', ${seq}, ${at}, 'h', '${text}')`;
  const first = entry(1, 1, '{"event":{"type":"one"},"dropped":null}');
  await database.sql.unsafe(`${entry(2, 2, '{"event":{"type":"two"},"dropped":"late"}')};${first}`);
  expect(await readLastMails(database.sql)).toEqual(["thread/t #1 one", "thread/t #2 two dropped: late"]);
});
