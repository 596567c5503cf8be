/** Steps that take back what the open transaction wrote, newest last. */
export class UndoLog {
  readonly #steps: (() => void)[] = [];

  push(step: () => void): void {
    this.#steps.push(step);
  }

  clear(): void {
    this.#steps.length = 0;
  }

  rollBack(): void {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) step();
  }
}

/** Rows are never changed in place, only replaced: then taking back is putting the earlier one. */
export class Table<Row> {
  readonly #rows = new Map<string, Row>();
  readonly #undo: UndoLog;

  constructor(undo: UndoLog) {
    this.#undo = undo;
  }

  get size(): number {
    return this.#rows.size;
  }

  has(key: string): boolean {
    return this.#rows.has(key);
  }

  get(key: string): Row | undefined {
    return this.#rows.get(key);
  }

  values(): Row[] {
    return [...this.#rows.values()];
  }

  /** In order of the first `put` of each key. */
  entries(): IterableIterator<[key: string, row: Row]> {
    return this.#rows.entries();
  }

  put(key: string, row: Row): void {
    this.#rememberBefore(key);
    this.#rows.set(key, row);
  }

  delete(key: string): boolean {
    this.#rememberBefore(key);
    return this.#rows.delete(key);
  }

  #rememberBefore(key: string): void {
    const before = this.#rows.get(key);
    const existed = this.#rows.has(key);
    this.#undo.push(() => {
      if (existed && before !== undefined) this.#rows.set(key, before);
      else this.#rows.delete(key);
    });
  }
}
