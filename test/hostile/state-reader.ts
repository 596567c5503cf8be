import type { Sql } from "../../persistence/postgres/connect.ts";

/** What a refused call may add to: its own record, and the seals over it. */
const records = ["audit", "audit_unsealed", "audit_seal", "audit_head", "node"];

/** Table → "rows hash" of all that a workspace holds. */
export type State = Readonly<Record<string, string>>;

/** Compares what a workspace holds before and after a call. */
export class StateReader {
  readonly #sql: Sql;
  #tables: Promise<string[]> | null = null;

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  async read(workspaceId: string): Promise<State> {
    this.#tables ??= this.#list();
    const tables = await this.#tables;
    const parts = tables.map(
      (table) =>
        `select '${table}' as name, count(*) || ' ' || coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) as found
         from rouse.${table} t where workspace_id = $1`,
    );
    const rows = await this.#sql.unsafe<{ name: string; found: string }[]>(parts.join(" union all "), [
      workspaceId,
    ]);
    return Object.fromEntries(rows.map(({ name, found }) => [name, found]));
  }

  async refusals(workspaceId: string): Promise<number> {
    const [row] = await this.#sql<{ count: number }[]>`
      select count(*)::int as count from rouse.audit where workspace_id = ${workspaceId} and outcome = 'refused'`;
    return row?.count ?? 0;
  }

  async threadsOf(workspaceId: string): Promise<string[]> {
    const rows = await this.#sql<{ id: string }[]>`
      select thread_id as id from rouse.thread where workspace_id = ${workspaceId}`;
    return rows.map(({ id }) => id);
  }

  /** Rows that come from now on have greater numbers. */
  async skipNumbers(upTo: number): Promise<void> {
    await this.#sql`
      select setval(format('%I.%I', schemaname, sequencename)::regclass, ${upTo})
      from pg_sequences where schemaname = 'rouse'`;
  }

  async #list(): Promise<string[]> {
    const rows = await this.#sql<{ name: string }[]>`
      select table_name as name from information_schema.columns
      where table_schema = 'rouse' and column_name = 'workspace_id' order by table_name`;
    return rows.map(({ name }) => name).filter((name) => !records.includes(name));
  }
}

/** Tables that differ. */
export function changedTables(before: State, after: State): string[] {
  return Object.keys({ ...before, ...after }).filter((table) => before[table] !== after[table]);
}
