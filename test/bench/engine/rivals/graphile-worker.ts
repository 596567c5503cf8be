import { advance, firstSnapshot, insertRows, joiner, readRow, tables, writeRow } from "./chart-row.ts";
import { batches, FinishLine, type ActorMail, type Contender, type ContenderOptions } from "./contender.ts";
import { load, versionOf } from "./install.ts";

/**
 * graphile-worker as https://worker.graphile.org/docs/performance says for the highest throughput: jobs by `addJobs` in
 * batches, 24 jobs at once, a local queue of 500, completions in batches without delay. A job is one event, so that each
 * is taken, retried and refused on its own; no named queues, against which that page warns at high cardinality.
 */

interface Client {
  query(query: object): Promise<{ rows: { id: number; version: number; snapshot: string }[] }>;
}

type WithClient = <Result>(work: (client: Client) => Promise<Result>) => Promise<Result>;

interface GraphileWorker {
  run(options: object): Promise<{ stop(): Promise<void> }>;
  makeWorkerUtils(options: object): Promise<{
    migrate(): Promise<void>;
    withPgClient: WithClient;
    addJobs(jobs: { identifier: string; payload: object }[]): Promise<unknown>;
    addJob(identifier: string, payload: object): Promise<unknown>;
    release(): Promise<void>;
  }>;
  Logger: new (factory: () => (level: string, message: string) => void) => object;
}

const task = "advance";
const worker = {
  concurrentJobs: 24,
  maxPoolSize: 25,
  localQueue: { size: 500 },
  completeJobBatchDelay: 0,
  failJobBatchDelay: 0,
};

export async function openGraphileWorker({ url, actors }: ContenderOptions): Promise<Contender> {
  const graphile = await load<GraphileWorker>("graphile-worker");
  const logger = new graphile.Logger(() => (level, message) => {
    if (level === "error") console.error(message);
  });
  const utils = await graphile.makeWorkerUtils({ connectionString: url, logger });
  await utils.migrate();
  const indexes = Array.from({ length: actors }, (_, index) => index);
  const snapshots = indexes.map(firstSnapshot).join(joiner);
  await utils.withPgClient(async (client) => {
    await client.query({ text: tables });
    await client.query({ text: insertRows, values: [indexes.join(","), snapshots] });
  });
  const finish = new FinishLine();
  const handle = async (payload: ActorMail, helpers: { withPgClient: WithClient }): Promise<void> => {
    await helpers.withPgClient((client) => advanceRow(client, payload));
    finish.passed(1);
  };
  const preset = { worker: { connectionString: url, ...worker, logger } };
  const runner = await graphile.run({
    preset,
    taskList: { [task]: handle },
    noHandleSignals: true,
    crontab: "",
  });
  return {
    version: versionOf("graphile-worker"),
    async take(mails) {
      const done = finish.expect(mails.length);
      for (const batch of batches(mails)) {
        await utils.addJobs(batch.map((payload) => ({ identifier: task, payload })));
      }
      await done;
    },
    async takeOne(mail) {
      const done = finish.expect(1);
      await utils.addJob(task, mail);
      await done;
    },
    async close() {
      await runner.stop();
      await utils.release();
    },
  };
}

/** Two round trips: the version read guards the one statement that writes, so that no lock is held in between. */
async function advanceRow(client: Client, { index, event }: ActorMail): Promise<void> {
  const { rows } = await client.query({ name: "read", text: readRow, values: [index] });
  const [row] = rows;
  if (row === undefined) throw new Error(`there is no participant ${index}`);
  const next = advance(row.snapshot, event);
  const followUps = next.followUps.length === 0 ? null : next.followUps.join(joiner);
  const values = [index, row.version, next.snapshot, followUps];
  const written = await client.query({ name: "write", text: writeRow, values });
  if (written.rows.length === 0) throw new Error("another job advanced the participant meanwhile");
}
