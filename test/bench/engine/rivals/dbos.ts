import { advance, firstSnapshot, insertRows, joiner, readRow, tables, writeRow } from "./chart-row.ts";
import { concurrently, type ActorMail, type Contender, type ContenderOptions } from "./contender.ts";
import { load, versionOf } from "./install.ts";

/**
 * DBOS as https://docs.dbos.dev/typescript/tutorials/workflow-tutorial and
 * https://docs.dbos.dev/typescript/tutorials/step-tutorial say: one durable workflow per event, with one step that writes
 * the row. A datasource would do both in one transaction, with a check and a row of its own: postgres-datasource 4.24.16
 * breaks with SDK 5.3.0; prisma-datasource was not tried.
 * Workflows are called directly by concurrent callers: enqueued ones came to about two thirds of it, and the queue polls.
 */

interface Sdk {
  DBOS: {
    setConfig(config: object): void;
    launch(): Promise<void>;
    shutdown(): Promise<void>;
    registerWorkflow<Args extends unknown[]>(
      work: (...args: Args) => Promise<void>,
      options: { name: string },
    ): (...args: Args) => Promise<void>;
    runStep(work: () => Promise<void>, options: { name: string }): Promise<void>;
  };
}

interface Pool {
  query(query: object): Promise<{ rows: { version: number; snapshot: string }[] }>;
  end(): Promise<void>;
}

const callers = 32;
const connections = { system: 20, rows: 10 };

export async function openDbos({ url, actors }: ContenderOptions): Promise<Contender> {
  const { DBOS } = await load<Sdk>("@dbos-inc/dbos-sdk");
  const { Pool } = await load<{ Pool: new (options: object) => Pool }>("pg");
  const pool = new Pool({ connectionString: url, max: connections.rows });
  await prepare(pool, actors);
  DBOS.setConfig({
    name: "bench",
    systemDatabaseUrl: url,
    systemDatabasePoolSize: connections.system,
    logLevel: "error",
  });
  const workflow = DBOS.registerWorkflow(
    (mail: ActorMail) => DBOS.runStep(() => advanceRow(pool, mail), { name: "advance" }),
    { name: "take" },
  );
  await DBOS.launch();
  return {
    version: versionOf("@dbos-inc/dbos-sdk"),
    take: (mails) => concurrently(mails, callers, workflow),
    takeOne: (mail) => workflow(mail),
    async close() {
      await DBOS.shutdown();
      await pool.end();
    },
  };
}

async function prepare(pool: Pool, actors: number): Promise<void> {
  const indexes = Array.from({ length: actors }, (_, index) => index);
  await pool.query({ text: tables });
  await pool.query({
    text: insertRows,
    values: [indexes.join(","), indexes.map(firstSnapshot).join(joiner)],
  });
}

/** Two round trips: the version read guards the one statement that writes, so that no lock is held in between. */
async function advanceRow(pool: Pool, { index, event }: ActorMail): Promise<void> {
  const { rows } = await pool.query({ name: "read", text: readRow, values: [index] });
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no participant ${index}`);
  const next = advance(row.snapshot, event);
  const followUps = next.followUps.length === 0 ? null : next.followUps.join(joiner);
  const values = [index, row.version, next.snapshot, followUps];
  const written = await pool.query({ name: "write", text: writeRow, values });
  if (written.rows.length === 0) throw new Error("another workflow advanced the participant meanwhile");
}
