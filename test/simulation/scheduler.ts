import type { Choices } from "./choices.ts";
import type { Trace } from "./trace.ts";

/**
 * One thing happens at a time, and the seed says which: whatever would wait for time, a network or another process
 * is an entry here. Between two entries all promises come to rest.
 */

/** Something that can vanish or stand still, such as a process. */
export interface Owner {
  readonly name: string;
  alive: boolean;
  /** Nothing of it happens before. */
  stalledUntil: number;
}

interface Entry {
  id: number;
  owner: Owner;
  dueAt: number;
  label: string;
  run: () => void;
}

export class Scheduler {
  /** Epoch ms, the truth: the store's clock. */
  now = 1_800_000_000_000;
  steps = 0;
  readonly #choices: Choices;
  readonly #trace: Trace;
  readonly #entries = new Map<number, Entry>();
  #lastId = 0;
  #realWork = false;

  constructor(choices: Choices, trace: Trace) {
    this.#choices = choices;
    this.#trace = trace;
  }

  get size(): number {
    return this.#entries.size;
  }

  schedule(owner: Owner, delayMs: number, label: string, run: () => void): () => void {
    const id = (this.#lastId += 1);
    // An entry of the dead is never run, so nobody who waits for it goes on.
    if (owner.alive) {
      this.#entries.set(id, { id, owner, dueAt: this.now + Math.max(0, delayMs), label, run });
    }
    return () => void this.#entries.delete(id);
  }

  sleep(owner: Owner, ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.schedule(owner, ms, "", resolve);
    });
  }

  kill(owner: Owner): void {
    owner.alive = false;
    for (const entry of this.#entries.values()) if (entry.owner === owner) this.#entries.delete(entry.id);
  }

  /** The step under way has begun real input or output: the next waits for its end. */
  expectRealWork(): void {
    this.#realWork = true;
  }

  /** Runs one entry and whatever follows from it without waiting. False when there is none. */
  async step(): Promise<boolean> {
    const entry = this.#choose();
    if (entry === null) return false;
    this.#entries.delete(entry.id);
    this.steps += 1;
    if (entry.label !== "") this.#trace.write(this.now, entry.owner.name, entry.label);
    entry.run();
    await this.rest();
    return true;
  }

  async rest(): Promise<void> {
    await nextTask();
    if (!this.#realWork) return;
    this.#realWork = false;
    while (process.getActiveResourcesInfo().some((name) => name.startsWith("FSReq"))) await nextTask();
    await nextTask();
  }

  #choose(): Entry | null {
    let ready = this.#ready();
    if (ready.length === 0) {
      const next = this.#nextAt();
      if (next === null) return null;
      this.now = Math.max(this.now, next);
      ready = this.#ready();
    }
    const index = this.#choices.pick("order", ready.length);
    return (index === 0 ? earliest(ready) : ready[index]) ?? null;
  }

  #ready(): Entry[] {
    const ready: Entry[] = [];
    for (const entry of this.#entries.values()) if (startOf(entry) <= this.now) ready.push(entry);
    return ready;
  }

  #nextAt(): number | null {
    let next: number | null = null;
    for (const entry of this.#entries.values()) {
      const at = startOf(entry);
      if (next === null || at < next) next = at;
    }
    return next;
  }
}

function startOf({ dueAt, owner }: Entry): number {
  return Math.max(dueAt, owner.stalledUntil);
}

function earliest(entries: readonly Entry[]): Entry | undefined {
  let first = entries[0];
  for (const entry of entries) if (first !== undefined && entry.dueAt < first.dueAt) first = entry;
  return first;
}

/** All promises that wait for nothing real have settled by then. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
