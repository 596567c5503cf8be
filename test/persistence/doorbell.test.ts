import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import { connect, type Database } from "../../persistence/postgres/connect.ts";
import { createPostgresDoorbell } from "../../persistence/postgres/doorbell.ts";
import { works, type Doorbell } from "../../runtime/store.ts";
import { createTestDatabase, type TestDatabase } from "../setup/database.ts";

let testDatabase: TestDatabase;
let database: Database;
const open: Doorbell[] = [];

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = connect({ url: testDatabase.url });
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((doorbell) => doorbell.close()));
});

afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

/** Resolves when it listens: then it rings for what it may have missed. */
async function postgresDoorbell(workspaceId = "w-1"): Promise<Doorbell> {
  const doorbell = createPostgresDoorbell({ url: testDatabase.url, workspaceId, retryMs: 10 });
  open.push(doorbell);
  await rung(doorbell);
  return doorbell;
}

describe("doorbells", () => {
  test.each([
    ["in memory", async () => createMemoryDoorbell()],
    ["on Postgres", postgresDoorbell],
  ])("%s: rings until the microtask are one call, never inside the caller's own work", async (_, make) => {
    const doorbell = await make();
    let calls = 0;
    const end = doorbell.onRing(() => (calls += 1));
    doorbell.ring();
    doorbell.ring();
    expect(calls).toBe(0);
    await Promise.resolve();
    expect(calls).toBe(1);
    end();
    doorbell.ring();
    await Promise.resolve();
    expect(calls).toBe(1);
    await doorbell.close();
  });

  test.each([
    ["in memory", async () => createMemoryDoorbell()],
    ["on Postgres", postgresDoorbell],
  ])("%s: who waits for one kind of work hears of that and of any, others hear of all", async (_, make) => {
    const doorbell = await make();
    const heard: string[] = [];
    doorbell.onRing(() => heard.push("timers"), "timers");
    doorbell.onRing(() => heard.push("all"));
    const ring = async (...rings: Parameters<Doorbell["ring"]>[]) => {
      for (const each of rings) doorbell.ring(...each);
      await Promise.resolve();
      return heard.splice(0);
    };
    expect(await ring([["mail"]])).toEqual(["all"]);
    expect(await ring([[]])).toEqual(["all"]);
    expect(await ring([["mail"]], [["effects", "timers"]])).toEqual(["timers", "all"]);
    expect(await ring([])).toEqual(["timers", "all"]);
    await doorbell.close();
  });

  test("what a ring is for reaches other processes, and a ring of release 0.1.0 is for any work", async () => {
    const here = await postgresDoorbell();
    const there = await postgresDoorbell();
    const heard: string[] = [];
    for (const work of works) there.onRing(() => heard.push(work), work);
    const rungOnce = async (ring: () => unknown) => {
      const isRung = rung(there);
      await ring();
      await isRung;
      return heard.splice(0);
    };
    expect(await rungOnce(() => here.ring(["effects", "mail"]))).toEqual(["mail", "effects"]);
    expect(await rungOnce(() => here.ring([]))).toEqual([]);
    const early = () =>
      database.sql`select pg_notify('rouse_doorbell', 'w-1 5f0c5b7e-7b0e-4b43-9d52-0d6f3f6f3a10')`;
    expect(await rungOnce(early)).toEqual([...works]);
  });

  test.each(["w-1", "our shop, at noon"])(
    "a ring reaches other processes of the workspace %j, whatever waits there",
    async (workspaceId) => {
      const here = await postgresDoorbell(workspaceId);
      const there = await postgresDoorbell(workspaceId);
      const heard = new Promise<void>((resolve) => there.onRing(resolve, "mail"));
      here.ring(["mail"]);
      await heard;
    },
  );

  test("a ring reaches no other workspace", async () => {
    const here = await postgresDoorbell("w-1");
    const foreign = await postgresDoorbell("w-2");
    const foreignToo = await postgresDoorbell("w-2");
    let foreignRings = 0;
    foreign.onRing(() => (foreignRings += 1));
    here.ring();
    const there = await postgresDoorbell("w-1");
    const heard = rung(there);
    here.ring();
    await heard;
    expect(foreignRings).toBe(0);
    // Notifications arrive in order: what went astray would have been before this one.
    const answered = rung(foreign);
    foreignToo.ring();
    await answered;
    expect(foreignRings).toBe(1);
  });

  test("a lost connection is harmless: it listens again and rings once for what it may have missed", async () => {
    const here = await postgresDoorbell();
    const there = await postgresDoorbell();
    const back = [rung(here), rung(there)];
    await database.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'rouse doorbell'`;
    await Promise.all(back);
    const heard = rung(there);
    here.ring();
    await heard;
  });

  test("without a database it still rings here, and closes", async () => {
    const doorbell = createPostgresDoorbell({ url: "postgres://nobody@127.0.0.1:1/none", workspaceId: "w" });
    const heard = rung(doorbell);
    doorbell.ring();
    await heard;
    await doorbell.close();
  });
});

function rung(doorbell: Doorbell): Promise<void> {
  return new Promise((resolve) => {
    const end = doorbell.onRing(() => {
      end();
      resolve();
    });
  });
}
