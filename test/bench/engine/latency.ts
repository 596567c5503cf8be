import { createPostgresDoorbell } from "../../../persistence/postgres/doorbell.ts";
import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import { quantiles, type Quantiles } from "../quantiles.ts";
import { openBenchDatabase } from "./bench-database.ts";
import { feed } from "./feeder.ts";
import { EngineNode, workspaceId } from "./node-process.ts";
import { createParticipants, turnOptions } from "./participants.ts";

/** From handing a mail to the database until its turn is committed by a node in another process. */

export interface LatencyOptions {
  url?: string;
  seconds?: number;
  actors?: number;
}

export interface LatencyFigures {
  /** By rate and by how the node learns of work. */
  insert_to_committed_ms: Record<string, Quantiles>;
}

const ways = [
  { name: "doorbell", doorbell: true },
  { name: "poll 25 ms", doorbell: false, pollMs: 25 },
  { name: "poll 1 s", doorbell: false, pollMs: 1_000 },
];

export async function measureLatency(options: LatencyOptions = {}): Promise<LatencyFigures> {
  const { seconds = 10, actors = 500, url: given } = options;
  const { url, database, remove } = await openBenchDatabase(given);
  const store = createPostgresStore({ database, workspaceId });
  const doorbell = createPostgresDoorbell({ url, workspaceId });
  const found: Record<string, Quantiles> = {};
  try {
    await createParticipants(turnOptions(store), actors);
    for (const perSecond of [50, 500]) {
      for (const { name, ...way } of ways) {
        const node = await EngineNode.start({ url, nodeId: `latency-${perSecond}-${name}`, ...way });
        // The first mails pay for connections and compiled code.
        await feed(store, doorbell, { perSecond, seconds: 2, actors });
        await allCommitted(node, perSecond * 2);
        const sent = await feed(store, doorbell, { perSecond, seconds, actors });
        found[`${perSecond}/s, ${name}`] = quantiles(await allCommitted(node, sent));
        await node.stop();
      }
    }
    return { insert_to_committed_ms: found };
  } finally {
    await doorbell.close();
    await remove();
  }
}

async function allCommitted(node: EngineNode, sent: number): Promise<number[]> {
  const latencies: number[] = [];
  while (latencies.length < sent) latencies.push(...(await node.report()).latenciesMs);
  return latencies;
}
