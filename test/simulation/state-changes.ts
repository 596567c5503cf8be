import type { State } from "../../persistence/memory/state.ts";
import type { Table } from "../../persistence/memory/table.ts";

/** What one commit changed. Rows are replaced, never changed in place, so comparing references finds every change. */

const tableNames = [
  "actors",
  "mailboxes",
  "timers",
  "effects",
  "journal",
  "deadLetters",
  "threads",
  "messages",
  "members",
  "agents",
  "wakes",
  "idempotency",
  "audit",
  "revokedTokens",
  "settings",
] as const;
export type TableName = (typeof tableNames)[number];
export type RowOf<Name extends TableName> = State[Name] extends Table<infer Row> ? Row : never;

export interface Change<Row> {
  key: string;
  before: Row | undefined;
  after: Row | undefined;
}

export type Changes = { readonly [Name in TableName]: readonly Change<RowOf<Name>>[] };

export class ChangeTracker {
  readonly #tables: [name: TableName, table: Table<unknown>, known: Map<string, unknown>][];

  constructor(state: State) {
    this.#tables = tableNames.map((name) => [name, state[name] as Table<unknown>, new Map()]);
  }

  /** Since the last call; null when nothing changed. */
  collect(): Changes | null {
    const changes: Partial<Record<TableName, Change<unknown>[]>> = {};
    let hasChanged = false;
    for (const [name, table, known] of this.#tables) {
      changes[name] = changesOf(table, known);
      hasChanged ||= changes[name].length > 0;
    }
    return hasChanged ? (changes as Changes) : null;
  }
}

function changesOf(table: Table<unknown>, known: Map<string, unknown>): Change<unknown>[] {
  const changes: Change<unknown>[] = [];
  for (const [key, after] of table.entries()) {
    const before = known.get(key);
    if (before === after) continue;
    changes.push({ key, before, after });
    known.set(key, after);
  }
  if (known.size === table.size) return changes;
  for (const [key, before] of known) {
    if (table.has(key)) continue;
    changes.push({ key, before, after: undefined });
    known.delete(key);
  }
  return changes;
}
