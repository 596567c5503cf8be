import { createHash } from "node:crypto";
import { z } from "zod";

/**
 * A backup is gzip over lines: a header, then per table a line of JSON, its rows as COPY writes them as text, `\.`, and a
 * line of JSON that closes it; last a line that closes the file. COPY's text holds no raw newline within a row.
 */
export const headerShape = z.object({
  format: z.literal("rouse-backup"),
  version: z.literal(1),
  made_at: z.iso.datetime(),
  workspace_id: z.string(),
  /** Migrations that the rows were written under. */
  migrations: z.array(z.int()),
});
export type Header = z.infer<typeof headerShape>;

export const tableShape = z.object({ table: z.string(), columns: z.array(z.string()).min(1) });
export const tableEndShape = z.object({ rows: z.int(), sha256: z.string() });
export const endShape = z.object({ end: z.literal(true), tables: z.int(), rows: z.int() });

export const endOfRows = String.raw`\.`;

/** Rows of one table as they pass. */
export class Tally {
  rows = 0;
  readonly #hash = createHash("sha256");

  add(line: string): void {
    this.rows += 1;
    this.#hash.update(line).update("\n");
  }

  end(): z.infer<typeof tableEndShape> {
    return { rows: this.rows, sha256: this.#hash.digest("hex") };
  }
}

/** Of the process, or derived: nodes join anew, and migrations are those of the program that restores. */
export const leftOutTables: readonly string[] = ["migration", "node"];

/** `"name"`, as identifiers are quoted in SQL. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
