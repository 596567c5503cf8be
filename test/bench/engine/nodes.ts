import { createPostgresDoorbell } from "../../../persistence/postgres/doorbell.ts";
import type { Database } from "../../../persistence/postgres/connect.ts";
import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import type { Doorbell, Store } from "../../../runtime/store.ts";
import { quantiles } from "../quantiles.ts";
import { openBenchDatabase } from "./bench-database.ts";
import { feed } from "./feeder.ts";
import { median, rounded } from "./median.ts";
import { EngineNode, workspaceId } from "./node-process.ts";
import { createParticipants, mailKinds, sendStep, turnOptions } from "./participants.ts";
import { serverCpuMs } from "./server-cpu.ts";

/** One, two and four nodes on one server: how much they apply, how late, and who is busy meanwhile. */

export interface NodesOptions {
  url?: string;
  rounds?: number;
  actors?: number;
}

export interface NodesFigures {
  nodes: Record<string, NodeCountFigures>;
}

export interface NodeCountFigures {
  turns_per_s: number;
  /** While the nodes are given 200 mails a second. */
  p99_ms: number;
  /** Of the time that the nodes drained, in cores: together they show what the machine's cores were busy with. */
  cores: { nodes: number; server: number | null };
}

const counts = [1, 2, 4];

export async function measureNodes(options: NodesOptions = {}): Promise<NodesFigures> {
  const { rounds = 3, actors = 2_000, url: given } = options;
  const { url, database, remove } = await openBenchDatabase(given);
  const store = createPostgresStore({ database, workspaceId });
  const doorbell = createPostgresDoorbell({ url, workspaceId });
  const bench = { url, database, store, doorbell, actors };
  try {
    await createParticipants(turnOptions(store), actors);
    const found = new Map<number, NodeCountFigures[]>();
    for (let round = 0; round < rounds; round += 1) {
      for (const count of counts) {
        const figures = await withNodes(bench, count, round * mailKinds);
        found.set(count, [...(found.get(count) ?? []), figures]);
      }
    }
    return { nodes: Object.fromEntries([...found].map(([count, each]) => [count, middle(each)])) };
  } finally {
    await doorbell.close();
    await remove();
  }
}

interface Bench {
  url: string;
  database: Database;
  store: Store;
  doorbell: Doorbell;
  actors: number;
}

async function withNodes(bench: Bench, count: number, step: number): Promise<NodeCountFigures> {
  const { url, store, doorbell, actors } = bench;
  const names = Array.from({ length: count }, (_, index) => `of-${count}-${index + 1}`);
  const nodes = await Promise.all(names.map((nodeId) => EngineNode.start({ url, nodeId, doorbell: true })));
  await feed(store, doorbell, { perSecond: 200, seconds: 1, actors });
  await empty(bench);
  const drained = await drain(bench, nodes, step);
  for (const node of nodes) await node.report();
  await feed(store, doorbell, { perSecond: 200, seconds: 3, actors });
  await empty(bench);
  const reports = await Promise.all(nodes.map((node) => node.report()));
  const latencies = reports.flatMap(({ latenciesMs }) => latenciesMs);
  await Promise.all(nodes.map((node) => node.stop()));
  return { ...drained, p99_ms: quantiles(latencies).p99 };
}

async function drain(
  bench: Bench,
  nodes: readonly EngineNode[],
  step: number,
): Promise<Pick<NodeCountFigures, "turns_per_s" | "cores">> {
  const { database, store, doorbell, actors } = bench;
  const used = async (): Promise<number> => {
    const reports = await Promise.all(nodes.map((node) => node.report()));
    return reports.reduce((sum, { cpuMs }) => sum + cpuMs, 0);
  };
  const [nodesBefore, serverBefore] = [await used(), await serverCpuMs(database)];
  let ms = 0;
  for (let offset = 0; offset < mailKinds; offset += 1) {
    const startedAt = performance.now();
    await sendStep(store, actors, step + offset);
    doorbell.ring();
    await empty(bench);
    ms += performance.now() - startedAt;
  }
  const [nodesAfter, serverAfter] = [await used(), await serverCpuMs(database)];
  return {
    turns_per_s: rounded((actors * mailKinds * 1_000) / ms, 0),
    cores: {
      nodes: rounded((nodesAfter - nodesBefore) / ms),
      server:
        serverBefore === null || serverAfter === null ? null : rounded((serverAfter - serverBefore) / ms),
    },
  };
}

/** Resolves when no mail waits. */
async function empty({ database }: Bench): Promise<void> {
  const { sql } = database;
  while ((await sql`select 1 from rouse.mailbox limit 1`).length > 0);
}

function middle(figures: readonly NodeCountFigures[]): NodeCountFigures {
  const of = (pick: (each: NodeCountFigures) => number): number => median(figures.map(pick));
  const servers = figures.flatMap(({ cores }) => cores.server ?? []);
  return {
    turns_per_s: of(({ turns_per_s }) => turns_per_s),
    p99_ms: of(({ p99_ms }) => p99_ms),
    cores: {
      nodes: rounded(of(({ cores }) => cores.nodes)),
      server: servers.length === 0 ? null : rounded(median(servers)),
    },
  };
}
