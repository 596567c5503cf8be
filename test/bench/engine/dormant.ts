import { setTimeout as pause } from "node:timers/promises";
import type { Database } from "../../../persistence/postgres/connect.ts";
import { createPostgresStore } from "../../../persistence/postgres/store.ts";
import { reconcile } from "../../../runtime/reconcile.ts";
import { openBenchDatabase } from "./bench-database.ts";
import { median, rounded } from "./median.ts";
import { EngineNode, workspaceId } from "./node-process.ts";
import { createParticipants, turnOptions } from "./participants.ts";
import { serverCpuMs } from "./server-cpu.ts";

/** What participants cost that have nothing to do: processor and memory of a node, with them and without. */

export interface DormantOptions {
  url?: string;
  participants?: number;
  /** How long an idle node is looked at. */
  seconds?: number;
}

export interface DormantFigures {
  participants: number;
  /** Processor time of the node with them, as a share of one core. */
  cpu_share: number;
  /** Memory of the node beyond that of one without any participants, MB. */
  rss_mb: number;
  /** The same of a node without participants, and of the server in both cases (null when it runs elsewhere). */
  without: { cpu_share: number; rss_mb: number; server_cpu_share: number | null };
  server_cpu_share: number | null;
  /** One pass of reconciliation in ms (median of five), by how many of the participants have unread messages. */
  reconciliation_ms: Record<string, number>;
}

export async function measureDormant(options: DormantOptions = {}): Promise<DormantFigures> {
  const { participants = 100_000, seconds = 20, url: given } = options;
  const { url, database, remove } = await openBenchDatabase(given);
  try {
    const without = await idle(url, database, seconds);
    await fill(database, participants);
    const node = await idle(url, database, seconds);
    return {
      participants,
      cpu_share: node.cpu_share,
      rss_mb: rounded(Math.max(0, node.rss_mb - without.rss_mb), 1),
      without,
      server_cpu_share: node.server_cpu_share,
      reconciliation_ms: await reconciliations(database, participants),
    };
  } finally {
    await remove();
  }
}

async function idle(url: string, database: Database, seconds: number): Promise<DormantFigures["without"]> {
  const node = await EngineNode.start({ url, nodeId: "idle", doorbell: true });
  try {
    // What starting costs is not what resting costs.
    await pause(3_000);
    const [before, serverBefore] = [await node.report(), await serverCpuMs(database)];
    await pause(seconds * 1_000);
    const [after, serverAfter] = [await node.report(), await serverCpuMs(database)];
    const share = (ms: number): number => rounded(ms / (seconds * 1_000), 4);
    return {
      cpu_share: share(after.cpuMs - before.cpuMs),
      rss_mb: rounded(after.rssMb, 1),
      server_cpu_share:
        serverBefore === null || serverAfter === null ? null : share(serverAfter - serverBefore),
    };
  } finally {
    await node.stop();
  }
}

/** One participant made by the engine, then copies of its rows, each in a thread of its own, all read. */
async function fill(database: Database, participants: number): Promise<void> {
  const { sql } = database;
  await createParticipants(turnOptions(createPostgresStore({ database, workspaceId })), 1);
  await sql`
    insert into rouse.actor
    select (jsonb_populate_record(a, jsonb_build_object(
      'address', 'participant/th-' || n || '.agent-' || n,
      'subject', 'agent-' || n,
      'record', replace(replace(a.record, 'agent-0', 'agent-' || n), 'th-0', 'th-' || n)))).*
    from rouse.actor a, generate_series(1, ${participants - 1}::integer) as n`;
  await sql`
    insert into rouse.subscription (workspace_id, topic, address, shard)
    select workspace_id, replace(replace(topic, 'agent-0', 'agent-' || n), 'th-0', 'th-' || n),
      'participant/th-' || n || '.agent-' || n, n % 64
    from rouse.subscription, generate_series(1, ${participants - 1}::integer) as n`;
  await sql`
    insert into rouse.thread
      (workspace_id, thread_id, title, type, created_by, created_at, status, status_reason, status_by, updated_at, head_seq)
    select ${workspaceId}, 'th-' || n, 't', 'general', 'ann', 0, 'active', '', 'ann', 0, 1
    from generate_series(0, ${participants - 1}::integer) as n`;
  await sql`
    insert into rouse.member (workspace_id, thread_id, agent_id, joined_at, last_read_seq, head_seq)
    select ${workspaceId}, 'th-' || n, 'agent-' || n, 0, 1, 1
    from generate_series(0, ${participants - 1}::integer) as n`;
  await sql.unsafe("vacuum analyze");
}

/** Their actors know nothing of it, so that every pass has to tell each of them; what it sends is taken away again. */
async function reconciliations(database: Database, participants: number): Promise<Record<string, number>> {
  const { sql } = database;
  const store = createPostgresStore({ database, workspaceId });
  const found: Record<string, number> = {};
  for (const unread of [0, 100, 1_000].filter((count) => count <= participants)) {
    await sql`update rouse.member set last_read_seq = 0 where substr(agent_id, 7)::integer < ${unread}`;
    const times: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      const startedAt = performance.now();
      const healed = await reconcile(store);
      times.push(performance.now() - startedAt);
      if (healed !== unread) throw new Error(`${healed} of ${unread} were told`);
      await sql`delete from rouse.mailbox`;
    }
    found[`${unread}_unread`] = rounded(median(times), 1);
  }
  return found;
}
