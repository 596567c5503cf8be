import { readFileSync } from "node:fs";
import { roles, type Role } from "../../machines/roles.ts";

export type Matrix = ReadonlyMap<string, ReadonlySet<Role>>;

/** Who may what, as docs/operations.md promises it: the code under test is not asked about itself. */
export function promisedMatrix(): Matrix {
  const text = readFileSync(new URL("../../docs/operations.md", import.meta.url), "utf8");
  const rows = text
    .split("\n")
    .filter((line) => /^\| `[a-z_]+` /.test(line) && /`(?:GET|POST|PUT|DELETE) \//.test(line));
  return new Map(rows.map((row) => rowOf(row)));
}

function rowOf(row: string): [string, Set<Role>] {
  const cells = row.split(/(?<!\\)\|/).map((cell) => cell.trim());
  const name = cells[1]?.replaceAll("`", "") ?? "";
  const may = cells.slice(-1 - roles.length, -1);
  return [name, new Set(roles.filter((_role, index) => may[index] === "yes"))];
}
