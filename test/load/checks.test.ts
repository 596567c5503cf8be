import { afterAll, beforeAll, expect, test } from "vitest";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { findDoubledLines } from "../nodes/doubled-lines.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { findProblems } from "./checks.ts";

/** Each check is shown a database that it must object to: the planted violations of the cluster and node tests. */

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

/** What the checks say of a database in which `plant` ran, and nothing else. */
async function problemsAfter(plant: string): Promise<string[]> {
  const tables = [
    "message",
    "actor",
    "journal",
    "member",
    "mailbox",
    "effect",
    "effect_attempt",
    "dead_letter",
  ];
  await database.sql.unsafe(tables.map((table) => `truncate rouse.${table}`).join(";"));
  await database.sql.unsafe(plant);
  return findProblems(database, [{ threadId: "t", seq: 1, body: "one" }]);
}

const message = (seq: number, body: string): string =>
  `insert into rouse.message (workspace_id, thread_id, seq, author, author_role, kind, body, created_at)
   values ('w', 't', ${seq}, 'ann', 'operator', 'message', '${body}', 0)`;
const actor = (address: string, attention: string): string =>
  `insert into rouse.actor (workspace_id, address, kind, subject, version, status, machine_version, machine_hash, record, created_at, updated_at)
   values ('w', '${address}', 'participant', 'ann', 1, 'active', '1', 'h', '{"snapshot":{"value":{"attention":"${attention}"}}}', 0, 0)`;
const entry = (address: string, seq: number): string =>
  `insert into rouse.journal (workspace_id, address, seq, at, machine_hash, entry) values ('w', '${address}', ${seq}, 0, 'h', '{}')`;
const unread = `insert into rouse.member (workspace_id, thread_id, agent_id, joined_at, head_seq) values ('w', 't', 'ann', 0, 1)`;
const participant = "participant/t.ann";

test("a database in which all is well has no problems", async () => {
  const well = [message(1, "one"), actor(participant, "blocked"), entry(participant, 1), unread];
  expect(await problemsAfter(well.join(";"))).toEqual([]);
});

test.each([
  ["an acknowledged post that is not there", "select 1", "lost: t #1 one"],
  ["a post that is there twice", [message(1, "one"), message(2, "one")].join(";"), "doubled: t one"],
  [
    "a number left out",
    [message(1, "one"), message(3, "three")].join(";"),
    "gap: t goes on with #3 instead of #2",
  ],
  [
    "an actor that moved without an entry",
    [message(1, "one"), actor(participant, "blocked")].join(";"),
    `the journal of ${participant} does not match its version`,
  ],
  [
    "unread work of somebody who is not blocked",
    [message(1, "one"), actor(participant, "idle"), entry(participant, 1), unread].join(";"),
    "ann has unread messages in t and is not blocked",
  ],
  [
    "mail that waits",
    `${message(1, "one")}; insert into rouse.mailbox (workspace_id, shard, address, sender, event, sent_at) values ('w', 1, 'a/b', 's', '{}', 0)`,
    "1 mail waits",
  ],
  [
    "a lease that ran out",
    `${message(1, "one")}; insert into rouse.effect (workspace_id, address, incarnation, shard, invoke_id, port, input, host, status, lease_expires_at, run_at, requested_at)
     values ('w', 'a/b', 1, 1, 'i', 'deliverWake', '{}', '', 'running', 1, 0, 0)`,
    "1 leases ran out",
  ],
])("%s is found", async (_name, plant, problem) => {
  expect(await problemsAfter(plant)).toEqual([problem]);
});

test("a line that was given more often than it was brought is found", async () => {
  await problemsAfter(
    `insert into rouse.effect (workspace_id, address, incarnation, shard, invoke_id, port, input, host, correlation, status, run_at, requested_at)
     values ('w', 'a/b', 1, 1, 'i', 'deliverWake', '{}', '', 'wake-1', 'done', 0, 0);
     insert into rouse.effect_attempt (workspace_id, address, incarnation, attempt, node_id, lease_token, claimed_at, started_at)
     values ('w', 'a/b', 1, 1, 'n', 1, 0, 1)`,
  );
  const given = { wakeId: "wake-1", threadId: "t", agentId: "ann", sessionId: "s", run: 1, pointers: 1 };
  expect(await findDoubledLines(database, [given])).toEqual([]);
  expect(await findDoubledLines(database, [given, given])).toEqual([
    "line: wake-1 was given 2 times, brought 1 times",
  ]);
});
