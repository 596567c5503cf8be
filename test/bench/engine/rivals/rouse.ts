import { readFileSync } from "node:fs";
import { connect } from "../../../../persistence/postgres/connect.ts";
import { createPostgresDoorbell } from "../../../../persistence/postgres/doorbell.ts";
import { migrate } from "../../../../persistence/postgres/migrate.ts";
import { createPostgresStore } from "../../../../persistence/postgres/store.ts";
import { systemClock } from "../../../../runtime/clock.ts";
import { createNode } from "../../../../runtime/node.ts";
import type { Doorbell, NewMail, Store, TurnCommit } from "../../../../runtime/store.ts";
import { createParticipants, participantAddress, turnOptions } from "../participants.ts";
import { batches, FinishLine, type ActorMail, type Contender, type ContenderOptions } from "./contender.ts";

/** Ourselves: one node as it is deployed, without ports, so that effects are recorded and stay. */

const sender = "poster";

export async function openRouse({ url, actors }: ContenderOptions): Promise<Contender> {
  const database = connect({ url });
  await migrate(database);
  const store = createPostgresStore({ database, workspaceId: "bench" });
  await createParticipants(turnOptions(store), actors);
  await database.sql.unsafe("vacuum analyze");
  const doorbell = createPostgresDoorbell({ url, workspaceId: "bench" });
  const finish = new FinishLine();
  const node = startNode(watched(store, finish), doorbell);
  const send = async (mails: readonly ActorMail[]): Promise<void> => {
    await store.transaction((tx) => tx.send(mails.map(asMail)));
    // As operations do.
    doorbell.ring(["mail"]);
  };
  return {
    version: ownVersion(),
    async take(mails) {
      const done = finish.expect(mails.length);
      for (const batch of batches(mails)) await send(batch);
      await done;
    },
    async takeOne(mail) {
      const done = finish.expect(1);
      await send([mail]);
      await done;
    },
    async commandOne({ index, event }) {
      const to = participantAddress(index);
      await store.transaction((tx) => node.engine.command(tx, { to, event, from: "caller" }));
      node.engine.ring();
    },
    async close() {
      await node.stop();
      await doorbell.close();
      await database.close();
    },
  };
}

function startNode(store: Store, doorbell: Doorbell): ReturnType<typeof createNode> {
  const { registry } = turnOptions(store);
  const node = createNode({
    nodeId: "bench",
    host: "bench",
    url: "http://127.0.0.1:1",
    store,
    doorbell,
    registry,
    ports: () => [],
    clock: systemClock,
    onError: (context, error) => console.error(context, error),
  });
  node.start();
  return node;
}

function asMail({ index, event }: ActorMail): NewMail {
  return { to: participantAddress(index), from: sender, event };
}

/** Tells the finish line, after each commit, how many of our events it applied. */
function watched(store: Store, finish: FinishLine): Store {
  return {
    ...store,
    async transaction(work, options) {
      let applied = 0;
      const result = await store.transaction((tx) => {
        const commitTurns = (commits: readonly TurnCommit[]): Promise<void> => {
          applied += commits.flatMap(({ journal }) => journal).filter(({ from }) => from === sender).length;
          return tx.commitTurns(commits);
        };
        return work({ ...tx, commitTurns });
      }, options);
      if (applied > 0) finish.passed(applied);
      return result;
    },
  };
}

function ownVersion(): string {
  const file = new URL("../../../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
