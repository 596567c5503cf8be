import type { Page } from "../runtime/domain.ts";

/** `rows` holds one more than `limit` when there is a next page. */
export function pageOf<Row>(rows: Row[], limit: number, keyOf: (row: Row) => string): Page<Row> {
  if (rows.length <= limit) return { rows, next: null };
  const kept = rows.slice(0, limit);
  const last = kept.at(-1);
  return { rows: kept, next: last === undefined ? null : keyOf(last) };
}
