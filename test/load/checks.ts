import type { Database, Sql } from "../../persistence/postgres/connect.ts";
import type { ActorRecord } from "../../runtime/kernel.ts";
import type { Acknowledged } from "./traffic.ts";

/** What is wrong with a database after its load ended and everything came to rest; empty when nothing is. */
export async function findProblems(
  database: Database,
  acknowledged: readonly Acknowledged[],
): Promise<string[]> {
  const { sql } = database;
  const stored = await sql<{ thread_id: string; seq: string; body: string }[]>`
    select thread_id, seq, body from rouse.message order by thread_id, seq`;
  const rows = stored.map(({ thread_id, seq, body }) => ({ threadId: thread_id, seq: Number(seq), body }));
  return [
    ...missing(rows, acknowledged),
    ...doubled(rows),
    ...gaps(rows),
    ...(await brokenJournals(sql)),
    ...(await unread(sql)),
    ...(await unsettled(sql)),
  ];
}

function missing(rows: readonly Acknowledged[], acknowledged: readonly Acknowledged[]): string[] {
  const stored = new Set(rows.map(keyOf));
  return acknowledged.filter((post) => !stored.has(keyOf(post))).map((post) => `lost: ${keyOf(post)}`);
}

function keyOf({ threadId, seq, body }: Acknowledged): string {
  return `${threadId} #${seq} ${body}`;
}

function doubled(rows: readonly Acknowledged[]): string[] {
  const seen = new Set<string>();
  return rows.flatMap(({ threadId, body }) => {
    const key = `${threadId} ${body}`;
    if (seen.has(key)) return [`doubled: ${key}`];
    seen.add(key);
    return [];
  });
}

/** Invariant 2: exactly 1..n in each thread. `rows` are in order. */
function gaps(rows: readonly Acknowledged[]): string[] {
  const heads = new Map<string, number>();
  return rows.flatMap(({ threadId, seq }) => {
    const expected = (heads.get(threadId) ?? 0) + 1;
    heads.set(threadId, seq);
    return seq === expected ? [] : [`gap: ${threadId} goes on with #${seq} instead of #${expected}`];
  });
}

/** Invariants 5 and 6: one entry for each version of an actor, none twice. */
async function brokenJournals(sql: Sql): Promise<string[]> {
  const rows = await sql<{ address: string }[]>`
    select a.address from rouse.actor a
    left join (
      select address, count(*) as entries, max(seq) as head from rouse.journal group by address
    ) j on j.address = a.address
    where j.entries is distinct from a.version or j.head is distinct from a.version`;
  return rows.map(({ address }) => `the journal of ${address} does not match its version`);
}

/** Invariants 4 and 11: everybody has read everything, or is blocked for all to see. */
async function unread(sql: Sql): Promise<string[]> {
  const rows = await sql<{ thread_id: string; agent_id: string; record: string }[]>`
    select m.thread_id, m.agent_id, a.record from rouse.member m
    join rouse.actor a on a.workspace_id = m.workspace_id
      and a.address = 'participant/' || m.thread_id || '.' || m.agent_id
    where m.head_seq > m.last_read_seq`;
  return rows
    .filter(({ record }) => !isBlocked(JSON.parse(record) as ActorRecord))
    .map(({ thread_id, agent_id }) => `${agent_id} has unread messages in ${thread_id} and is not blocked`);
}

function isBlocked({ snapshot }: ActorRecord): boolean {
  return (snapshot["value"] as { attention?: unknown }).attention === "blocked";
}

/** Invariant 24: nothing waits. */
async function unsettled(sql: Sql): Promise<string[]> {
  const [row] = await sql<Record<"mail" | "leases" | "letters" | "quarantined", string>[]>`
    select
      (select count(*) from rouse.mailbox) as mail,
      (select count(*) from rouse.effect
       where status = 'running' and lease_expires_at < extract(epoch from now()) * 1000) as leases,
      (select count(*) from rouse.dead_letter) as letters,
      (select count(*) from rouse.actor where status = 'quarantined') as quarantined`;
  const names = {
    mail: "mail waits",
    leases: "leases ran out",
    letters: "dead letters",
    quarantined: "quarantined",
  };
  return Object.entries(row ?? {})
    .filter(([, count]) => Number(count) > 0)
    .map(([what, count]) => `${count} ${names[what as keyof typeof names]}`);
}
