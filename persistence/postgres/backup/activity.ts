import { RouseError } from "../../../runtime/errors.ts";
import { withSession } from "./session.ts";

/** Who is at work in the database, and who waits for whom: what a person looks at when everything is slow. */

export interface DatabaseSession {
  pid: number;
  program: string;
  user: string;
  state: string;
  /** ms; null outside a transaction. */
  transaction_ms: number | null;
  waits_for: string | null;
  /** pids of the sessions that it waits for. */
  blocked_by: number[];
  /** How many wait for it. */
  blocks: number;
  query: string;
}

export async function listSessions(url: string): Promise<DatabaseSession[]> {
  return withSession(url, async (sql) => {
    const rows = await sql`
      select pid, application_name, usename, state, wait_event_type, wait_event, left(query, 200) as query,
        extract(epoch from clock_timestamp() - xact_start) * 1000 as transaction_ms,
        array_to_json(pg_blocking_pids(pid))::text as blocked_by
      from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
      order by xact_start nulls last`;
    const sessions = rows.map((row) => ({
      pid: Number(row["pid"]),
      program: String(row["application_name"]),
      user: String(row["usename"]),
      state: String(row["state"]),
      transaction_ms: row["transaction_ms"] === null ? null : Math.round(Number(row["transaction_ms"])),
      waits_for: row["wait_event_type"] === null ? null : `${row["wait_event_type"]} ${row["wait_event"]}`,
      blocked_by: JSON.parse(String(row["blocked_by"])) as number[],
      query: String(row["query"]),
    }));
    return sessions.map((session) => ({
      ...session,
      blocks: sessions.filter(({ blocked_by: by }) => by.includes(session.pid)).length,
    }));
  });
}

/** Ends one session; its transaction is rolled back. Throws `not_found`, `forbidden`. */
export async function endSession(url: string, pid: number): Promise<void> {
  await withSession(url, async (sql) => {
    const [row] = await sql`
      select pg_terminate_backend(pid, 5000) as ended from pg_stat_activity
      where pid = ${pid} and datname = current_database() and backend_type = 'client backend'`;
    if (row === undefined) {
      throw new RouseError("not_found", `there is no session ${pid} in this database`, {
        nextStep: "See rouse database activity.",
      });
    }
    if (row["ended"] !== true)
      throw new RouseError("effect_timeout", `session ${pid} has not ended within 5 s`);
  });
}
