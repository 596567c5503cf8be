import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

import type { Address } from "../../machines/mail.ts";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { migrate } from "../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../persistence/postgres/store.ts";
import type { Store } from "../../runtime/store.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";
import { commit, creation, journalEntry } from "./conformance/subject.ts";

let testDatabase: TestDatabase;
let writers: Database;
let readers: Database;
let workspaces = 0;
let writer: Store;
/** On another node. */
let reader: Store;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  writers = connect({ url: testDatabase.url });
  readers = connect({ url: testDatabase.url });
  await migrate(writers);
});
afterAll(async () => {
  await Promise.all([writers.close(), readers.close()]);
  await testDatabase.drop();
});
beforeEach(() => {
  workspaces += 1;
  writer = createPostgresStore({ database: writers, workspaceId: `h-${workspaces}` });
  reader = createPostgresStore({ database: readers, workspaceId: `h-${workspaces}` });
});

const write = (address: Address) => commit(writer, creation(address, { journal: [journalEntry(1)] }));

/** A transaction that has taken its journal id and commits (or not) when told. */
async function openWriter(address: Address): Promise<{ end: (how: "commit" | "rollback") => Promise<void> }> {
  const written = Promise.withResolvers<undefined>();
  const mayEnd = Promise.withResolvers<"commit" | "rollback">();
  const ended = writer
    .transaction(async (tx) => {
      await tx.commitTurns([creation(address, { journal: [journalEntry(1)] })]);
      written.resolve(undefined);
      if ((await mayEnd.promise) === "rollback") throw new Error("given up");
    })
    .catch(() => undefined);
  await written.promise;
  return {
    async end(how) {
      mayEnd.resolve(how);
      await ended;
    },
  };
}

const visible = async (upTo?: string) =>
  (await reader.listJournal({ limit: 100, ...(upTo === undefined ? {} : { upTo }) })).map(
    ({ address }) => address,
  );

describe("the journal's horizon", () => {
  test("stays below an open transaction while later ones commit, and then shows all in order", async () => {
    await write("thread/before");
    const late = await openWriter("thread/late");
    await write("thread/later");
    // The trap itself: the greater id is visible, the smaller one is not yet.
    expect(await visible()).toEqual(["thread/before", "thread/later"]);
    for (let look = 0; look < 3; look += 1) {
      const { upTo, isBehind } = await reader.journalHorizon();
      expect(isBehind).toBe(true);
      expect((await visible(upTo)).includes("thread/later")).toBe(false);
    }
    await late.end("commit");
    const { upTo, isBehind } = await reader.journalHorizon();
    expect(isBehind).toBe(false);
    expect(await visible(upTo)).toEqual(["thread/before", "thread/late", "thread/later"]);
  });

  test("passes ids that were given up", async () => {
    const late = await openWriter("thread/late");
    await write("thread/later");
    await reader.journalHorizon();
    await late.end("rollback");
    expect(await visible((await reader.journalHorizon()).upTo)).toEqual(["thread/later"]);
  });

  test("moves on behind newer writers, one of which is always there", async () => {
    let open = await openWriter("thread/w0");
    for (let round = 1; round < 6; round += 1) {
      await write(`thread/c${round}`);
      await reader.journalHorizon();
      const next = await openWriter(`thread/w${round}`);
      await open.end("commit");
      open = next;
      expect(await visible((await reader.journalHorizon()).upTo)).toContain(`thread/c${round}`);
    }
    await open.end("commit");
  });

  test("is not held up by transactions elsewhere", async () => {
    await write("thread/a");
    const held = Promise.withResolvers<undefined>();
    const begun = Promise.withResolvers<undefined>();
    const elsewhere = readers.transaction(async (sql) => {
      await sql`insert into rouse.setting values ('elsewhere', 'x', '1', 0)`;
      begun.resolve(undefined);
      await held.promise;
    });
    await begun.promise;
    await write("thread/b");
    expect(await reader.journalHorizon()).toMatchObject({ isBehind: false });
    expect(await visible((await reader.journalHorizon()).upTo)).toEqual(["thread/a", "thread/b"]);
    held.resolve(undefined);
    await elsewhere;
  });
});
