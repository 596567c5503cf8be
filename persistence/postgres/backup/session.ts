import postgres from "postgres";
import { arrayTypes } from "../array-types.ts";
import { asRouseError } from "../refusal.ts";

/** One plain connection for long work with COPY, which the pool of a node does not do. Throws `database_unavailable`. */
export async function withSession<T>(url: string, work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  const sql = postgres(url, {
    max: 1,
    types: arrayTypes,
    onnotice: () => undefined,
    connection: { application_name: "rouse-maintenance" },
  });
  try {
    return await work(sql);
  } catch (error) {
    throw asRouseError(error);
  } finally {
    await sql.end({ timeout: 5 });
  }
}
