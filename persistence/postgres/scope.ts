import type postgres from "postgres";

import type { Sql } from "./connect.ts";

export type Fragment = postgres.PendingQuery<postgres.Row[]>;

/** What every query needs: a connection or transaction, whose rows, and what time it is. */
export interface Scope {
  sql: Sql;
  workspaceId: string;
  /** Epoch ms, or the expression for the database's own. Constant within a transaction. */
  now: number | Fragment;
}

/** A row as the client gives it; bigint columns arrive as text. */
export type Row = postgres.Row;

/** The database's time at the beginning of the transaction, epoch ms. */
export const databaseTime = "floor(extract(epoch from now()) * 1000)";

export function databaseNow(sql: Sql): Fragment {
  return sql.unsafe(databaseTime);
}
