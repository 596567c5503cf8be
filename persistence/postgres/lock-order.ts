/**
 * Rows in the order of their keys. Statements that change many rows lock them one by one in the order given, so that two
 * transactions wait for each other at the same row and never in a circle.
 */
export function inLockOrder<Entry>(entries: readonly Entry[], keyOf: (entry: Entry) => string): Entry[] {
  if (entries.length < 2) return [...entries];
  return entries
    .map((entry) => ({ entry, key: keyOf(entry) }))
    .toSorted((one, other) => (one.key < other.key ? -1 : one.key > other.key ? 1 : 0))
    .map(({ entry }) => entry);
}
