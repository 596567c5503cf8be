import type { Database } from "../../persistence/postgres/connect.ts";
import type { Cluster } from "./cluster.ts";

/** How long a fault was felt, each in ms from the fault on. */
export interface Outage {
  /** Until another member said that it leads; null when the primary was not struck. */
  elected: number | null;
  /** Until the first write of a bare client was committed, past the proxy and on a standby. */
  writable: number;
  /** Until the first turn that began after the fault was committed. */
  nextTurn: number;
}

interface Watched {
  cluster: Cluster;
  /** Through the proxy, with room for many statements at once. */
  database: Database;
}

/** Must be called right after the fault. Rejects when there is no turn within two minutes. */
export async function watchOutage(
  { cluster, database: { sql } }: Watched,
  fault: { at: number; struckPrimary: string | null },
): Promise<Outage> {
  const { at, struckPrimary } = fault;
  const [elected, writable, nextTurn] = await Promise.all([
    struckPrimary === null ? null : firstYes("a new primary", at, () => cluster.leadsWithout(struckPrimary)),
    firstYes("a committed write", at, async () => {
      await sql`select pg_logical_emit_message(true, 'pulse', '')`;
      return true;
    }),
    firstYes("the next turn", at, async () => {
      const rows = await sql`select 1 from rouse.journal where at > ${at} limit 1`;
      return rows.length > 0;
    }),
  ]);
  return { elected, writable, nextTurn };
}

/** Asks anew without waiting for earlier answers: one that hangs hides nothing. ms since `at`. */
async function firstYes(what: string, at: number, ask: () => Promise<boolean>): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  let lastError: unknown;
  const askOnce = async (): Promise<void> => {
    if (await ask()) resolve(Date.now() - at);
  };
  const asking = setInterval(() => void askOnce().catch((error: unknown) => (lastError = error)), askEveryMs);
  const giveUp = setTimeout(
    () => reject(new Error(`waited ${patienceMs} ms in vain for ${what}`, { cause: lastError })),
    patienceMs,
  );
  try {
    return await promise;
  } finally {
    clearInterval(asking);
    clearTimeout(giveUp);
  }
}

const askEveryMs = 200;
const patienceMs = 120_000;
