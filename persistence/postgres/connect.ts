import postgres from "postgres";

import { arrayTypes } from "./array-types.ts";
import type { ClientOptions, Connection } from "./connection.ts";
import { openConnection } from "./connection.ts";
import { readOnlyState, reasonOf, unavailable } from "./failure.ts";
import { hostsOf, openOnAny, preferNext } from "./hosts.ts";
import { Pool } from "./pool.ts";
import type { Sql } from "./statement.ts";
import { routeStatements } from "./statement.ts";
import { runAlone, runTransaction } from "./transaction.ts";

export type { Sql } from "./statement.ts";

export interface ConnectOptions {
  url: string;
  /** Connections at most; 10 unless given. */
  max?: number;
  /** Seen in pg_stat_activity; "rouse" unless given. */
  applicationName?: string;
  /** For each statement and each transaction, waiting for a connection included; 30,000 unless given. */
  deadlineMs?: number;
  /** An older connection is replaced when it is given back; 1,800,000 (half an hour) unless given. */
  maxLifetimeMs?: number;
}

/**
 * Errors of every call:
 * - RouseError database_unavailable: no connection, connection lost or deadline exceeded; nothing was committed.
 * - RouseError commit_outcome_unknown: the connection ended (or the deadline passed) after a COMMIT, or a statement
 *   outside a transaction, was sent and before the answer came.
 * - postgres.PostgresError with its SQLSTATE in `code`: the server refused the statement; the connection lives on.
 */
export interface Database {
  /** Each statement commits by itself. Not for `begin`: use `transaction`. No cursors, no COPY. */
  sql: Sql;
  /**
   * Commits when `work` is fulfilled, rolls back when it is rejected. When the connection ends, it is rejected without
   * waiting for `work`, and later statements of `work` are refused: nothing runs outside its transaction.
   */
  transaction<T>(
    /** `opened`: the row that the last statement of `opensWith` gave. */
    work: (sql: Sql, opened: postgres.Row | undefined) => Promise<T>,
    options?: {
      deadlineMs?: number;
      /** The first statement of `work` only reads, and `work` awaits it before the next: it travels together with BEGIN. */
      startsByReading?: boolean;
      /** Sends statements right behind BEGIN, for `work` to await. Harmless alone: so they run when BEGIN is refused. */
      behindBegin?: (sql: Sql) => void;
      /** Statements without parameters that are run with BEGIN, as one text: they cost next to nothing there. */
      opensWith?: readonly string[];
      /** Settings of the server for this transaction alone. */
      settings?: Readonly<Record<string, string>>;
      /** Its statements find their rows by indexes, whatever the planner thinks of the sizes of tables. */
      plansByIndex?: boolean;
    },
  ): Promise<T>;
  /**
   * LISTEN on a connection of its own. A doorbell that carries no truth: when `ended` resolves, notifications may have
   * been missed; poll, then listen again.
   */
  listen(channel: string, onNotify: (payload: string) => void): Promise<Listener>;
  /** Connections of statements and transactions now, and how many calls wait for one. */
  figures(): { open: number; idle: number; waiting: number; max: number };
  /** Ends all connections of statements and transactions. Idempotent. */
  close(): Promise<void>;
}

export interface Listener {
  /** Resolves with the reason when the connection has ended, also after `close`. */
  ended: Promise<Error>;
  close(): Promise<void>;
}

/** Connects nowhere yet: connections are made when needed, and made anew after any failure. */
export function connect(options: ConnectOptions): Database {
  const deadlineMs = options.deadlineMs ?? 30_000;
  const template = templateFor(options, deadlineMs);
  const hosts = hostsOf(template.options);

  const open = async (withinMs: number, extra: ClientOptions = {}): Promise<Connection> => {
    const settings = Object.assign({}, template.options, extra);
    const connection = await openOnAny(hosts, withinMs, (address, ms) =>
      openConnection(settings, address, { mustWrite: hosts.mustWrite, deadlineMs: ms }),
    );
    void connection.ended.then(leaveReadOnlyNode);
    return connection;
  };
  const leaveReadOnlyNode = (reason: Error): void => {
    if (reasonOf(reason) !== readOnlyState) return;
    preferNext(hosts);
    pool.replaceAll(reason);
  };
  const pool = new Pool({ max: options.max ?? 10, maxLifetimeMs: options.maxLifetimeMs ?? 1_800_000, open });
  const lender = { pool, template, deadlineMs };

  return {
    sql: routeStatements(template, (statement) => void runAlone(lender, statement)),
    transaction(work, own = {}) {
      const ownMs = own.deadlineMs ?? deadlineMs;
      return runTransaction({ ...lender, deadlineMs: ownMs }, work, {
        serverTimeoutMs: ownMs === deadlineMs ? null : serverTimeout(ownMs),
        startsByReading: own.startsByReading ?? false,
        plansByIndex: own.plansByIndex ?? false,
        settings: own.settings ?? {},
        opensWith: own.opensWith ?? [],
        ...(own.behindBegin === undefined ? {} : { behindBegin: own.behindBegin }),
      });
    },
    async listen(channel, onNotify) {
      const onnotify = (_channel: string, payload: string): void => onNotify(payload);
      const connection = await open(deadlineMs, { onnotify });
      const sql = routeStatements(template, (statement) => connection.run(statement));
      await sql`listen ${sql(channel)}`;
      return { ended: connection.ended, close: () => connection.close() };
    },
    figures: () => pool.figures,
    close: () => pool.close(),
  };
}

/** Builds statements and holds the parsed options; it never connects. */
function templateFor(options: ConnectOptions, deadlineMs: number): postgres.Sql {
  const settings = {
    max: 1,
    types: arrayTypes,
    socket: () => {
      throw unavailable("Statements must go through the pool.");
    },
    connection: {
      application_name: options.applicationName ?? "rouse",
      statement_timeout: serverTimeout(deadlineMs),
      // Only for a node that froze: in a living one our own deadline comes first.
      idle_in_transaction_session_timeout: deadlineMs + 1_000,
    },
  };
  const { url, ...socketFolder } = withSocketFolder(options.url);
  return postgres(url, { ...settings, ...socketFolder });
}

/** `?host=/folder` names the folder of a unix socket, as in libpq; postgres.js would send it to the server as a setting. */
function withSocketFolder(given: string): { url: string; host?: string } {
  // Several hosts in a row are no valid URL, so only the query is parsed.
  const [address = "", query = ""] = given.split("?", 2);
  const settings = new URLSearchParams(query);
  const host = settings.get("host");
  if (host?.startsWith("/") !== true) return { url: given };
  settings.delete("host");
  return { url: settings.size === 0 ? address : `${address}?${settings.toString()}`, host };
}

/** The server gives up a little before us: its answer tells that nothing was committed, our silence doesn't. */
function serverTimeout(deadlineMs: number): number {
  return Math.ceil(deadlineMs * 0.9);
}
