import { createWriteStream } from "node:fs";
import { rename, rm, stat } from "node:fs/promises";
import { once } from "node:events";
import { finished } from "node:stream/promises";
import { createGzip, type Gzip } from "node:zlib";
import type postgres from "postgres";
import { RouseError } from "../../../runtime/errors.ts";
import { endOfRows, identifier, leftOutTables, literal, Tally, type Header } from "./format.ts";
import { linesOf } from "./lines.ts";
import { withSession } from "./session.ts";

export interface BackupRequest {
  url: string;
  workspaceId: string;
  file: string;
  onProgress: (step: string) => void;
}

export interface BackupReport {
  file: string;
  bytes: number;
  made_at: string;
  workspace_id: string;
  /** Rows by table. */
  tables: Record<string, number>;
  rows: number;
}

/**
 * Writes all rows of a workspace as of one moment into a new file that only its owner can read; nobody waits for it. The file
 * holds the keys that tokens are signed with. Throws `already_exists`, `directory_not_writable`, `database_unavailable`.
 */
export async function writeBackup(request: BackupRequest): Promise<BackupReport> {
  const { file } = request;
  if ((await sizeOf(file)) !== null) {
    throw new RouseError("already_exists", `${file} exists already`, {
      nextStep: "Name a file that does not exist.",
    });
  }
  const partial = `${file}.partial`;
  const gzip = createGzip();
  const target = createWriteStream(partial, { mode: 0o600 });
  const written = finished(gzip.pipe(target)).catch((error: unknown) => error);
  target.once("error", (error) => gzip.destroy(error));
  try {
    const report = await withSession(request.url, (sql) => writeRows(sql, request, gzip));
    gzip.end();
    const failure = await written;
    if (failure instanceof Error) throw failure;
    await rename(partial, file);
    return { file, bytes: (await sizeOf(file)) ?? 0, ...report };
  } catch (error) {
    gzip.destroy();
    target.destroy();
    await rm(partial, { force: true });
    throw asFileError(error, file);
  }
}

async function writeRows(
  sql: postgres.Sql,
  { workspaceId, onProgress }: BackupRequest,
  gzip: Gzip,
): Promise<Omit<BackupReport, "file" | "bytes">> {
  return sql.begin("isolation level repeatable read read only", async (tx) => {
    await tx`set local statement_timeout = 0`;
    const [clock] = await tx`select now() as now`;
    const migrations = await tx`select id from rouse.migration order by id`;
    const madeAt = new Date(String(clock?.["now"])).toISOString();
    const header: Header = {
      ...{ format: "rouse-backup", version: 1, made_at: madeAt, workspace_id: workspaceId },
      migrations: migrations.map((row) => Number(row["id"])),
    };
    await put(gzip, JSON.stringify(header));
    const counts: Record<string, number> = {};
    const tables = await listTables(tx);
    for (const [index, { table, columns }] of tables.entries()) {
      onProgress(`Writing ${table} (${index + 1} of ${tables.length})`);
      await put(gzip, JSON.stringify({ table, columns }));
      const from = `select ${columns.map(identifier).join(", ")} from rouse.${identifier(table)} where workspace_id = ${literal(workspaceId)}`;
      const rows = await tx.unsafe(`copy (${from}) to stdout`).readable();
      const tally = new Tally();
      for await (const line of linesOf(rows)) {
        tally.add(line);
        await put(gzip, line);
      }
      counts[table] = tally.rows;
      await put(gzip, endOfRows);
      await put(gzip, JSON.stringify(tally.end()));
    }
    const rows = Object.values(counts).reduce((sum, count) => sum + count, 0);
    await put(gzip, JSON.stringify({ end: true, tables: tables.length, rows }));
    return { made_at: madeAt, workspace_id: workspaceId, tables: counts, rows };
  });
}

export async function listTables(sql: postgres.ISql): Promise<{ table: string; columns: string[] }[]> {
  const rows = await sql`
    select c.table_name, json_agg(c.column_name::text order by c.ordinal_position)::text as columns
    from information_schema.columns c
    join information_schema.tables t using (table_schema, table_name)
    where c.table_schema = 'rouse' and t.table_type = 'BASE TABLE'
    group by c.table_name order by c.table_name`;
  return rows
    .map((row) => ({
      table: row["table_name"] as string,
      columns: JSON.parse(row["columns"] as string) as string[],
    }))
    .filter(({ table }) => !leftOutTables.includes(table));
}

async function put(gzip: Gzip, line: string): Promise<void> {
  if (!gzip.write(`${line}\n`)) await once(gzip, "drain");
}

async function sizeOf(file: string): Promise<number | null> {
  return stat(file).then(
    ({ size }) => size,
    () => null,
  );
}

function asFileError(error: unknown, file: string): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined || !["ENOENT", "EACCES", "ENOSPC", "EROFS", "EISDIR", "ENOTDIR"].includes(code))
    return error;
  return new RouseError("directory_not_writable", `cannot write ${file}: ${message}`, {
    nextStep: "Name a file in a folder that exists, is yours and has room.",
    cause: error,
  });
}
