import { once } from "node:events";
import type { Writable } from "node:stream";
import { finished } from "node:stream/promises";
import type postgres from "postgres";
import { z } from "zod";
import { RouseError } from "../../../runtime/errors.ts";
import { connect } from "../connect.ts";
import { migrate, readMigrations, type Migration } from "../migrate.ts";
import { requireWhole } from "./check.ts";
import { endOfRows, endShape, identifier, tableEndShape, tableShape } from "./format.ts";
import type { Header } from "./format.ts";
import { BackupLines } from "./read.ts";
import { withSession } from "./session.ts";
import { requireSound } from "./verify.ts";
import { listTables } from "./write.ts";

export interface RestoreRequest {
  url: string;
  file: string;
  workspaceId: string;
  /** Delete what the workspace has in the target. */
  replace: boolean;
  onProgress: (step: string) => void;
}

export interface RestoreReport {
  made_at: string;
  workspace_id: string;
  tables: Record<string, number>;
  rows: number;
  /** Links of the audit's chain that were recomputed. */
  audit_checked: number;
  /** What was wrong with it when the backup was made. */
  audit_problems: string[];
}

/**
 * Brings a workspace back: all of it, verified, or nothing. Throws `invalid_input` for a broken file or one of another
 * workspace, `schema_mismatch`, `already_exists` when the target holds rows or a node is at work on it.
 */
export async function restoreBackup(request: RestoreRequest): Promise<RestoreReport> {
  const { url, file, onProgress } = request;
  onProgress("Checking the file");
  const header = await requireWhole(file);
  requireWorkspace(header, request);
  const known = await readMigrations();
  requireKnown(header, known);
  const isFresh = !(await hasSchema(url));
  onProgress("Bringing the schema to that of the backup");
  // What later migrations do with rows, they do with these, too.
  await migrateTo(url, isFresh ? known.filter(({ id }) => header.migrations.includes(id)) : known);
  const report = await withSession(url, (sql) => load(sql, { ...request, header, isFresh }));
  onProgress("Bringing the schema up to date");
  await migrateTo(url, known);
  // Before that, a backup of an early release had no place for it.
  await withSession(url, (sql) => refuseEarlierTokens(sql, header));
  return report;
}

function requireWorkspace({ workspace_id: of }: Header, { workspaceId, file }: RestoreRequest): void {
  if (of === workspaceId) return;
  throw new RouseError("invalid_input", `${file} is of workspace ${of}, this node serves ${workspaceId}`, {
    nextStep: `Set ROUSE_WORKSPACE=${of}, or restore into the home that it came from.`,
  });
}

function requireKnown({ migrations }: Header, known: readonly Migration[]): void {
  const newer = migrations.filter((id) => known.every((one) => one.id !== id));
  if (newer.length === 0) return;
  throw new RouseError(
    "schema_mismatch",
    `the backup has migration ${newer[0] ?? 0}, which this version lacks`,
    {
      nextStep: "Restore it with the version of rouse that made it, or a newer one.",
    },
  );
}

async function hasSchema(url: string): Promise<boolean> {
  return withSession(url, async (sql) => {
    const found = await sql`select 1 from pg_tables where schemaname = 'rouse' and tablename = 'migration'`;
    return found.length > 0;
  });
}

async function migrateTo(url: string, migrations: readonly Migration[]): Promise<void> {
  const database = connect({ url, max: 1, applicationName: "rouse-maintenance" });
  try {
    await migrate(database, migrations);
  } finally {
    await database.close();
  }
}

interface Loading extends RestoreRequest {
  header: Header;
  isFresh: boolean;
}

async function load(sql: postgres.Sql, loading: Loading): Promise<RestoreReport> {
  const { header, onProgress } = loading;
  const lines = new BackupLines(loading.file);
  await lines.next();
  return sql.begin(async (tx) => {
    await tx`set local statement_timeout = 0`;
    const tables = await listTables(tx);
    await requireRoom(tx, loading, tables);
    const counts: Record<string, number> = {};
    let total = 0;
    for (;;) {
      const part = await lines.json(z.union([tableShape, endShape]));
      if ("end" in part) break;
      onProgress(`Reading ${part.table}`);
      if (tables.every(({ table }) => table !== part.table))
        throw lines.broken(`there is no table ${part.table}`);
      counts[part.table] = await loadTable(tx, part, { lines, workspaceId: header.workspace_id });
      total += counts[part.table] ?? 0;
    }
    await resumeIdentities(tx);
    await refuseEarlierTokens(tx, header);
    onProgress("Checking threads, journal and audit");
    const audit = await requireSound(tx, header.workspace_id);
    const { made_at, workspace_id } = header;
    return { made_at, workspace_id, tables: counts, rows: total, ...audit };
  });
}

/** No chain of refreshed tokens lives longer. */
const tokensLiveMs = 8 * 24 * 3_600_000;

/** What was revoked after the backup is not known any more: so all tokens from before are refused, whosever they are. */
async function refuseEarlierTokens(sql: postgres.ISql, { workspace_id: workspace, made_at: madeAt }: Header) {
  const [found] = await sql`select to_regclass('rouse.token_cutoff') is not null as there`;
  if (found?.["there"] !== true) return;
  await sql`
    insert into rouse.token_cutoff (workspace_id, agent_id, session_id, revoked_before, revoked_by, reason, expires_at)
    select ${workspace}, '', '', now_ms, 'operator', ${`restored from the backup of ${madeAt}`}, now_ms + ${tokensLiveMs}::bigint
    from (select (extract(epoch from clock_timestamp()) * 1000)::bigint as now_ms) clock
    on conflict (workspace_id, agent_id, session_id) do update
    set revoked_before = excluded.revoked_before, reason = excluded.reason, expires_at = excluded.expires_at`;
}

/** Throws `already_exists`, `schema_mismatch`. */
async function requireRoom(
  tx: postgres.TransactionSql,
  { workspaceId, replace, header, isFresh }: Loading,
  tables: readonly { table: string }[],
): Promise<void> {
  const [node] = await tx`
    select node_id from rouse.node where workspace_id = ${workspaceId}
      and beat_at > extract(epoch from now()) * 1000 - 60000 limit 1`;
  if (node !== undefined) {
    throw new RouseError("already_exists", `node ${String(node["node_id"])} is at work on the target`, {
      nextStep: "End it with rouse down, and wait a minute if it was killed.",
    });
  }
  const applied = await tx`select id from rouse.migration`;
  if (!isFresh && applied.length > header.migrations.length) {
    throw new RouseError("schema_mismatch", "the target's schema is newer than the backup's", {
      nextStep: "Restore into a new database or a new home: its schema is made as the backup needs it.",
    });
  }
  for (const { table } of tables) {
    const name = `rouse.${identifier(table)}`;
    if (replace) await tx.unsafe(`delete from ${name} where workspace_id = $1`, [workspaceId]);
    const [row] = await tx.unsafe(`select 1 from ${name} where workspace_id = $1 limit 1`, [workspaceId]);
    if (row === undefined) continue;
    throw new RouseError(
      "already_exists",
      `workspace ${workspaceId} has rows in the target already (${table})`,
      {
        nextStep: "Restore into an empty database or home, or pass --replace to delete what is there.",
      },
    );
  }
}

async function loadTable(
  tx: postgres.TransactionSql,
  { table, columns }: z.infer<typeof tableShape>,
  { lines, workspaceId }: { lines: BackupLines; workspaceId: string },
): Promise<number> {
  const into = `rouse.${identifier(table)} (${columns.map(identifier).join(", ")})`;
  const target = await tx.unsafe(`copy ${into} from stdin`).writable();
  for (let line = await lines.next(); line !== endOfRows; line = await lines.next())
    await write(target, `${line}\n`);
  target.end();
  await finished(target);
  const { rows } = await lines.json(tableEndShape);
  // The file was read whole before; this asks what arrived.
  const [row] = await tx.unsafe(
    `select count(*) as n from rouse.${identifier(table)} where workspace_id = $1`,
    [workspaceId],
  );
  if (Number(row?.["n"]) !== rows) throw lines.broken(`${table} has rows of others or lost some`);
  return rows;
}

async function write(target: Writable, text: string): Promise<void> {
  if (!target.write(text)) await once(target, "drain");
}

/** COPY keeps the numbers of rows; the next ones follow them. */
async function resumeIdentities(tx: postgres.TransactionSql): Promise<void> {
  const rows = await tx`
    select table_name, column_name from information_schema.columns where table_schema = 'rouse' and is_identity = 'YES'`;
  for (const row of rows) {
    const name = `rouse.${identifier(String(row["table_name"]))}`;
    const column = String(row["column_name"]);
    await tx.unsafe(
      `select setval(pg_get_serial_sequence($1, $2), (select coalesce(max(${identifier(column)}), 0) + 1 from ${name}), false)`,
      [name, column],
    );
  }
}
