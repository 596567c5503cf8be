import type { JournalHorizon } from "../../runtime/store.ts";
import type { Sql } from "./statement.ts";

/** Ids up to `newest` are settled once all of `writers` have ended. */
interface Mark {
  newest: bigint;
  writers: readonly string[];
}

/** While somebody holds a transaction open, marks behind it are few anyway: each look makes one. */
const mostMarks = 64;

/**
 * Up to where the journal is final. A journal id is an order of arrival: a transaction may take 7 and commit after the one
 * that took 8. But whoever has taken an id holds the journal's lock for writers until its end, and holds it before it takes
 * the id. So when `newest` is visible, every smaller id is either visible, or belongs to a holder of that lock, or will never
 * come. Once those holders have ended, what is visible below `newest` is all there will ever be.
 *
 * Costs writers nothing: no column, no index, no lock that they wait for. Transactions of other tables and databases do not
 * hold it up, as they would with `pg_snapshot_xmin`.
 */
export class JournalHorizonWatch {
  readonly #sql: Sql;
  readonly #workspaceId: string;
  #upTo = 0n;
  #marks: Mark[] = [];
  #looking: Promise<JournalHorizon> | null = null;

  constructor(sql: Sql, workspaceId: string) {
    this.#sql = sql;
    this.#workspaceId = workspaceId;
  }

  /** Looks that come while one is under way begin anew: a commit may have come after it. */
  async look(): Promise<JournalHorizon> {
    await this.#looking?.catch(() => undefined);
    this.#looking ??= this.#look().finally(() => (this.#looking = null));
    return this.#looking;
  }

  async #look(): Promise<JournalHorizon> {
    const { newest, writers } = await this.#read();
    const open = new Set(writers);
    const settled = this.#marks.findLastIndex((mark) => mark.writers.every((writer) => !open.has(writer)));
    if (settled >= 0) {
      this.#upTo = this.#marks[settled]?.newest ?? this.#upTo;
      this.#marks = this.#marks.slice(settled + 1);
    }
    const seen = this.#marks.at(-1)?.newest ?? this.#upTo;
    if (newest > seen && writers.length === 0) {
      this.#upTo = newest;
      this.#marks = [];
    } else if (newest > seen && this.#marks.length < mostMarks) {
      this.#marks.push({ newest, writers });
    }
    return { upTo: String(this.#upTo), isBehind: this.#marks.length > 0 };
  }

  /** One statement: its snapshot is taken before the function that reads the locks runs. */
  async #read(): Promise<{ newest: bigint; writers: string[] }> {
    const sql = this.#sql;
    const [row] = await sql`
      select
        coalesce((select max(journal_id) from rouse.journal where workspace_id = ${this.#workspaceId}), 0) as newest,
        array(
          select virtualtransaction from pg_locks
          where locktype = 'relation' and relation = 'rouse.journal'::regclass and mode = 'RowExclusiveLock' and granted
            and database = (select oid from pg_database where datname = current_database())
        ) as writers`;
    return { newest: BigInt(row?.["newest"]), writers: row?.["writers"] as string[] };
  }
}
