import { monitorEventLoopDelay } from "node:perf_hooks";
import { afterAll, beforeAll, expect, test } from "vitest";

import type { EmbeddedPostgres } from "../../persistence/embedded/server.ts";
import { startEmbedded } from "../../persistence/embedded/server.ts";
import type { Database } from "../../persistence/postgres/connect.ts";
import { connect } from "../../persistence/postgres/connect.ts";
import { isRouseError } from "../../runtime/errors.ts";
import { makeServerFolder } from "../setup/server-folder.ts";

/** More by ROUSE_TEST_ROUNDS=100. */
const rounds = Number(process.env["ROUSE_TEST_ROUNDS"] ?? 12);
const deadlineMs = 10_000;
const workers = 6;

type Outcome = "acknowledged" | "notCommitted" | "unknown";

const patience = { timeout: 30_000, interval: 10 };

let dir: string;
let remove: () => Promise<void>;
/** Settles when the database can be reached again. */
let disturbance: Promise<void> = Promise.resolve();
let server: EmbeddedPostgres;
let database: Database;

beforeAll(async () => {
  ({ dir, remove } = await makeServerFolder());
  server = await startEmbedded({ dir });
  database = connect({ url: server.url, max: 4, applicationName: "rouse-chaos", deadlineMs });
  await database.sql`create table pair (id int, half text, primary key (id, half))`;
});

afterAll(async () => {
  await database.close();
  await remove();
});

test("killed backends and servers crash nothing, hang nothing, and no outcome is told wrongly", async () => {
  const outcomes = new Map<number, Outcome>();
  let slowestMs = 0;
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  const end = new AbortController();
  const work = async (worker: number): Promise<void> => {
    for (let id = worker; !end.signal.aborted; id += workers) {
      const startMs = performance.now();
      const outcome = await writePair(id);
      slowestMs = Math.max(slowestMs, performance.now() - startMs);
      outcomes.set(id, outcome);
      if (outcome !== "acknowledged") await disturbance;
    }
  };
  const running = Promise.all(Array.from({ length: workers }, (_, worker) => work(worker)));
  try {
    for (let round = 0; round < rounds; round += 1) {
      const goal = countOf(outcomes, "acknowledged") + 10;
      await expect.poll(() => countOf(outcomes, "acknowledged"), patience).toBeGreaterThan(goal);
      disturbance = disturb(round);
      await disturbance;
    }
  } finally {
    end.abort();
    await running;
  }

  // When nobody lets us run, nothing can be noticed either.
  expect(slowestMs - lag.max / 1_000_000).toBeLessThan(deadlineMs + 1_000);
  expect(await wronglyTold(outcomes)).toEqual([]);
  const counts = ["acknowledged", "notCommitted", "unknown"].map((outcome) => countOf(outcomes, outcome));
  if (rounds >= 100)
    console.log(`${rounds} rounds: ${counts.join(" / ")}, slowest ${Math.round(slowestMs)} ms`);
}, 600_000);

/** Odd ids in one transaction of two statements, even ids in one statement that commits by itself. */
async function writePair(id: number): Promise<Outcome> {
  try {
    if (id % 2 === 0) {
      await database.sql`insert into pair values (${id}, 'left'), (${id}, 'right')`;
      return "acknowledged";
    }
    await database.transaction(async (sql) => {
      await sql`insert into pair values (${id}, 'left')`;
      // Carries on after a failure, as careless code would.
      await sql`select 1`.catch(() => null);
      await sql`insert into pair values (${id}, 'right')`;
    });
    return "acknowledged";
  } catch (error) {
    if (isRouseError(error, "database_unavailable")) return "notCommitted";
    if (isRouseError(error, "commit_outcome_unknown")) return "unknown";
    throw error;
  }
}

async function disturb(round: number): Promise<void> {
  if (round % 4 === 0) process.kill(server.pid, "SIGQUIT");
  else if (round % 4 === 2) process.kill(server.pid, "SIGKILL");
  else return killBackends();
  // Until the server is gone a start would join it.
  await expect.poll(async () => (server = await startEmbedded({ dir })).started, patience).toBe(true);
}

async function killBackends(): Promise<void> {
  const assassin = connect({ url: server.url, max: 1, applicationName: "rouse-assassin" });
  try {
    await assassin.sql`
      select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'rouse-chaos'`;
  } finally {
    await assassin.close();
  }
}

/** Ids whose rows contradict what was told: acknowledged and absent, refused and present, or a half of a pair. */
async function wronglyTold(outcomes: Map<number, Outcome>): Promise<unknown[]> {
  const rows = await database.sql<{ id: number; halves: number }[]>`
    select id, count(*)::int as halves from pair group by id`;
  const present = new Map(rows.map(({ id, halves }) => [id, halves]));
  return [...outcomes].flatMap(([id, outcome]) => {
    const halves = present.get(id) ?? 0;
    const isRight = outcome === "unknown" ? halves !== 1 : halves === (outcome === "acknowledged" ? 2 : 0);
    return isRight ? [] : [{ id, outcome, halves }];
  });
}

function countOf(outcomes: Map<number, Outcome>, wanted: string): number {
  return [...outcomes.values()].filter((outcome) => outcome === wanted).length;
}
