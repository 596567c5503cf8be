import type postgres from "postgres";

import { RouseError } from "../../runtime/errors.ts";
import type { Connection } from "./connection.ts";
import { outcomeUnknown, saysAbortedOnly, unavailable, wasRefused } from "./failure.ts";
import type { Pool } from "./pool.ts";
import type { Sql, Statement } from "./statement.ts";
import { onSettled, routeStatements } from "./statement.ts";

export interface Lender {
  pool: Pool;
  /** Builds statements; never connects. */
  template: postgres.Sql;
  deadlineMs: number;
}

/** Runs one statement that commits by itself. Never throws: the outcome goes to whoever awaits the statement. */
export async function runAlone({ pool, deadlineMs }: Lender, statement: Statement): Promise<void> {
  const borrowed = await borrow(pool, deadlineMs).catch((error: unknown) => {
    statement.reject(error);
    return null;
  });
  if (borrowed === null) return;
  let wasSent = false;
  const mapError = (error: unknown): unknown => {
    const isUnknown = wasSent && !borrowed.connection.isOpen() && !wasRefused(error);
    return isUnknown ? outcomeUnknown(error) : error;
  };
  onSettled(statement, mapError, borrowed.giveBack);
  wasSent = borrowed.connection.isOpen();
  borrowed.connection.run(statement);
}

/** See Database.transaction. */
export async function runTransaction<T>(
  { pool, template, deadlineMs }: Lender,
  work: (sql: Sql, opened: postgres.Row | undefined) => Promise<T>,
  options: Opening & { startsByReading: boolean; behindBegin?: (sql: Sql) => void },
): Promise<T> {
  const { connection, giveBack } = await borrow(pool, deadlineMs);
  const control = routeStatements(template, (statement) => connection.run(statement));
  let firstError: Error | null = null;
  const keepFirst = (error: unknown): unknown => {
    if (firstError !== null && saysAbortedOnly(error)) return firstError;
    if (firstError === null && error instanceof Error) firstError = error;
    return error;
  };
  let isOver = true;
  const opening = routeStatements(template, (statement) => {
    isOver = false;
    // Set while the refusal is being read, so before any answer that would let the work go on.
    onSettled(
      statement,
      (error) => ((isOver = true), error),
      () => undefined,
    );
    connection.run(statement);
  });
  const sql = routeStatements(template, (statement) => {
    if (isOver)
      return statement.reject(new RouseError("internal", "This transaction is over: await every statement."));
    onSettled(statement, keepFirst, () => undefined);
    connection.run(statement);
  });
  try {
    const begun = opening.unsafe(beginWith(options)).execute();
    options.behindBegin?.(sql);
    const opened = options.startsByReading ? undefined : lastRow(await begun);
    const [, result] = await connection.untilEnd(Promise.all([begun, work(sql, opened)]));
    isOver = true;
    await commit(connection, control, () => firstError);
    return result;
  } catch (error) {
    isOver = true;
    await rollback(connection, control);
    throw error;
  } finally {
    giveBack();
  }
}

async function borrow(
  pool: Pool,
  deadlineMs: number,
): Promise<{ connection: Connection; giveBack: () => void }> {
  const endMs = performance.now() + deadlineMs;
  const connection = await pool.acquire(endMs);
  const timer = setTimeout(
    () => connection.destroy(unavailable(`The database took longer than ${deadlineMs} ms.`)),
    Math.max(0, endMs - performance.now()),
  );
  const giveBack = (): void => {
    clearTimeout(timer);
    pool.release(connection);
  };
  return { connection, giveBack };
}

/**
 * A plan made while a table is young or emptied would read all of it, and a prepared statement would go on doing so when it
 * has grown. Told with BEGIN and not at sign-in, so that it holds behind any pooler and for these transactions only. No
 * JIT: a plan without an index would seem costly enough to compile. One plan for all values: the server would otherwise plan
 * some statements anew in every transaction, though their rows are found by the same indexes.
 */
const byIndex = {
  enable_seqscan: "off",
  enable_bitmapscan: "off",
  jit: "off",
  plan_cache_mode: "force_generic_plan",
};

interface Opening {
  serverTimeoutMs: number | null;
  plansByIndex: boolean;
  settings: Readonly<Record<string, string>>;
  opensWith: readonly string[];
}

/** The settings in one statement: each of its own would be parsed and run by itself, in every transaction. */
function beginWith({ serverTimeoutMs, plansByIndex, settings, opensWith }: Opening): string {
  const wanted = Object.entries({
    ...(serverTimeoutMs === null
      ? {}
      : {
          statement_timeout: String(serverTimeoutMs),
          idle_in_transaction_session_timeout: String(2 * serverTimeoutMs),
        }),
    ...(plansByIndex ? byIndex : {}),
    ...settings,
  });
  const calls = wanted.map(([name, value]) => `set_config('${name}', '${value}', true)`);
  return ["begin", ...(calls.length === 0 ? [] : [`select ${calls.join(", ")}`]), ...opensWith].join(";");
}

/** Of several statements in one text the client gives a list of results. */
function lastRow(results: postgres.Row[]): postgres.Row | undefined {
  const last: unknown = results.at(-1);
  return Array.isArray(last) ? (last.at(-1) as postgres.Row | undefined) : undefined;
}

async function commit(connection: Connection, control: Sql, firstError: () => Error | null): Promise<void> {
  const wasSent = connection.isOpen();
  let command: string;
  try {
    ({ command } = await control.unsafe("commit"));
  } catch (error) {
    // An open connection means that the server answered: it refused, for instance a deferred constraint.
    throw wasSent && !connection.isOpen() ? outcomeUnknown(error) : error;
  }
  // Postgres answers the COMMIT of a failed transaction with ROLLBACK, not with an error.
  if (command !== "COMMIT")
    throw firstError() ?? new RouseError("internal", "The transaction was rolled back.");
}

async function rollback(connection: Connection, control: Sql): Promise<void> {
  if (!connection.isOpen()) return;
  await control.unsafe("rollback").catch((error: unknown) => {
    connection.destroy(unavailable("A transaction could not be rolled back.", error));
  });
}
