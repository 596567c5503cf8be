import { RouseError } from "../../runtime/errors.ts";
import type { Sql } from "./connect.ts";
import type { Fragment } from "./scope.ts";

/** Stands in no JSON text (it would be escaped) and in no id. */
const separator = "\x1e";

/**
 * Many values as one text parameter: escaping an array literal of JSON costs a third of the client's time.
 * Null and the empty text both arrive as null.
 */
export function column(sql: Sql, values: readonly (string | number | null)[]): Fragment {
  return sql`string_to_array(${values.map(cell).join(separator)}, E'\\x1e', '')`;
}

function cell(value: string | number | null): string {
  if (value === null) return "";
  const text = String(value);
  if (!text.includes(separator)) return text;
  throw new RouseError("invalid_input", "A name contains the control character U+001E.", {
    nextStep: "Use printable characters in names.",
  });
}

export function numberOrNull(value: unknown): number | null {
  return value === null || value === undefined ? null : Number(value);
}

/** JSON text of any value; undefined becomes null, as JSON knows no other. */
export function toJson(value: unknown): string {
  return JSON.stringify(value ?? null);
}

/** Rows as JSON text. Half a surrogate pair becomes U+FFFD, as it does in a text parameter: the server refuses its escape. */
export function jsonOfRows(rows: readonly object[]): string {
  return JSON.stringify(rows, (_key, value: unknown) =>
    typeof value === "string" ? value.toWellFormed() : value,
  );
}
