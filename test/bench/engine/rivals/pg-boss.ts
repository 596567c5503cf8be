import { advance, firstSnapshot, insertRows, joiner, readRows, tables, writeRows } from "./chart-row.ts";
import { batches, FinishLine, type ActorMail, type Contender, type ContenderOptions } from "./contender.ts";
import { load, versionOf } from "./install.ts";

/**
 * pg-boss as https://pgboss.io/api/jobs and https://pgboss.io/api/workers say: jobs by `insert` in batches; workers that
 * fetch in batches, go on at once while batches are full, are woken by NOTIFY, and run handler and completion in one
 * transaction (`transactional`), which saves a round trip and makes the transition exactly once, as ours is. A follow-up is
 * a job of another queue, inserted in that transaction (`db`).
 */

interface Database {
  executeSql(text: string, values?: unknown[]): Promise<{ rows: unknown[] }>;
}

interface OwnDatabase extends Database {
  beginTransaction(): Promise<{ commit(): Promise<void> }>;
}

type Job = { data: ActorMail };
type Insert = (name: string, jobs: { data: object }[], options?: { db: Database }) => Promise<unknown>;

interface Boss {
  start(): Promise<unknown>;
  stop(options: { graceful: boolean }): Promise<void>;
  on(event: "error", listener: (error: Error) => void): void;
  createQueue(name: string, options: object): Promise<void>;
  insert: Insert;
  send(name: string, data: object): Promise<unknown>;
  work(name: string, options: object, handler: (jobs: Job[], tx: Database) => Promise<void>): Promise<string>;
  getDb(): OwnDatabase;
}

const queue = "events";
const followUpQueue = "follow-ups";
const workers = { batchSize: 100, localConcurrency: 2, burstWhenBatchFull: true, transactional: true };

export async function openPgBoss({ url, actors }: ContenderOptions): Promise<Contender> {
  const { PgBoss } = await load<{ PgBoss: new (options: object) => Boss }>("pg-boss");
  const boss = new PgBoss({ connectionString: url, max: 10, useListenNotify: true });
  boss.on("error", (error) => console.error(error));
  await boss.start();
  const database = boss.getDb();
  await database.executeSql(tables);
  const indexes = Array.from({ length: actors }, (_, index) => index);
  await database.executeSql(insertRows, [indexes.join(","), indexes.map(firstSnapshot).join(joiner)]);
  const finish = new FinishLine();
  countCommits(database, finish);
  await boss.createQueue(queue, { notify: true });
  await boss.createQueue(followUpQueue, {});
  await boss.work(queue, workers, (jobs, tx) => handle(boss, jobs, tx));
  return {
    version: versionOf("pg-boss"),
    async take(mails) {
      const done = finish.expect(mails.length);
      for (const batch of batches(mails))
        await boss.insert(
          queue,
          batch.map((data) => ({ data })),
        );
      await done;
    },
    async takeOne(mail) {
      const done = finish.expect(1);
      await boss.send(queue, mail);
      await done;
    },
    close: () => boss.stop({ graceful: false }),
  };
}

/** Jobs advanced in the transaction of that database handle. */
const handled = new WeakMap<object, number>();

async function handle(boss: Boss, jobs: readonly Job[], tx: Database): Promise<void> {
  const ids = jobs.map(({ data }) => data.index).join(",");
  const { rows } = (await tx.executeSql(readRows, [ids])) as { rows: { id: number; snapshot: string }[] };
  const snapshots = new Map(rows.map(({ id, snapshot }) => [id, snapshot]));
  const followUps: { data: object }[] = [];
  for (const { data } of jobs) {
    const next = advance(snapshots.get(data.index) ?? "", data.event);
    snapshots.set(data.index, next.snapshot);
    followUps.push(...next.followUps.map((input) => ({ data: { index: data.index, input } })));
  }
  await tx.executeSql(writeRows, [[...snapshots.keys()].join(","), [...snapshots.values()].join(joiner)]);
  if (followUps.length > 0) await boss.insert(followUpQueue, followUps, { db: tx });
  handled.set(tx, jobs.length);
}

/** The handler's transaction ends after the handler: only its commit counts. */
function countCommits(database: OwnDatabase, finish: FinishLine): void {
  const begin = database.beginTransaction.bind(database);
  database.beginTransaction = async () => {
    const transaction = (await begin()) as { db: Database; commit(): Promise<void> };
    const commit = transaction.commit.bind(transaction);
    return {
      ...transaction,
      async commit() {
        await commit();
        const count = handled.get(transaction.db) ?? 0;
        if (count > 0) finish.passed(count);
      },
    };
  };
}
