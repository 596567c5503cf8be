import type { Address } from "../../machines/mail.ts";
import type { JournalEntry, StoredJournalEntry } from "../../runtime/store.ts";
import { column } from "./columns.ts";
import type { Row, Scope } from "./scope.ts";

const newestPossible = "9223372036854775807";

export type AddressedEntry = { address: Address; machineHash: string; entry: JournalEntry };

/** Returns how many were new. */
export async function appendJournal(
  { sql, workspaceId, now }: Scope,
  entries: readonly AddressedEntry[],
): Promise<number> {
  if (entries.length === 0) return 0;
  const inserted = await sql`
    insert into rouse.journal (workspace_id, address, seq, at, machine_hash, entry)
    select ${workspaceId}, x.address, x.seq, ${now}::bigint, x.machine_hash, x.entry
    from unnest(
      ${column(
        sql,
        entries.map(({ address }) => address),
      )},
      ${column(
        sql,
        entries.map(({ entry }) => entry.seq),
      )}::bigint[],
      ${column(
        sql,
        entries.map(({ machineHash }) => machineHash),
      )},
      ${column(
        sql,
        entries.map(({ entry }) => JSON.stringify(entry)),
      )}
    ) with ordinality as x(address, seq, machine_hash, entry, place)
    order by x.place`;
  return inserted.count;
}

/** `after` is a seq for one address, else a journal id; `upTo` is a journal id. */
export async function listJournal(
  { sql, workspaceId }: Scope,
  {
    address,
    after = "0",
    upTo = newestPossible,
    limit,
  }: { address?: Address; after?: string; upTo?: string; limit: number },
): Promise<StoredJournalEntry[]> {
  const rows =
    address === undefined
      ? await sql`
          select * from rouse.journal where workspace_id = ${workspaceId} and journal_id > ${after}::bigint
            and journal_id <= ${upTo}::bigint
          order by journal_id limit ${limit}`
      : await sql`
          select * from rouse.journal
          where workspace_id = ${workspaceId} and address = ${address} and seq > ${after}::bigint
            and journal_id <= ${upTo}::bigint
          order by seq limit ${limit}`;
  return rows.map(toEntry);
}

function toEntry(row: Row): StoredJournalEntry {
  const entry = JSON.parse(row["entry"]) as JournalEntry;
  return {
    ...entry,
    journalId: row["journal_id"],
    address: row["address"] as Address,
    at: Number(row["at"]),
    machineHash: row["machine_hash"],
  };
}
