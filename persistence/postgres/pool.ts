import type { Connection } from "./connection.ts";
import { unavailable } from "./failure.ts";

export interface PoolOptions {
  max: number;
  maxLifetimeMs: number;
  open: (deadlineMs: number) => Promise<Connection>;
}

interface Waiter {
  give(connection: Connection): void;
  refuse(error: Error): void;
  deadlineAtMs: number;
}

const closedMessage = "This database client was closed.";

/** Lends each connection to one borrower at a time, oldest request first; ended and aged connections are replaced. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #idle: Connection[] = [];
  readonly #waiters: Waiter[] = [];
  readonly #open = new Set<Connection>();
  readonly #stale = new WeakSet<Connection>();
  #opening = 0;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get figures(): { open: number; idle: number; waiting: number; max: number } {
    const { max } = this.#options;
    return { open: this.#open.size, idle: this.#idle.length, waiting: this.#waiters.length, max };
  }

  /** @throws RouseError database_unavailable when none can be had before `deadlineAtMs` (performance.now()). */
  acquire(deadlineAtMs: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(
        () => waiter.refuse(unavailable("No database connection became free in time.")),
        Math.max(0, deadlineAtMs - performance.now()),
      );
      const leave = (): void => {
        clearTimeout(timer);
        const index = this.#waiters.indexOf(waiter);
        if (index >= 0) this.#waiters.splice(index, 1);
      };
      const waiter: Waiter = {
        deadlineAtMs,
        give: (connection) => (leave(), resolve(connection)),
        refuse: (error) => (leave(), reject(error)),
      };
      this.#waiters.push(waiter);
      this.#serve();
    });
  }

  release(connection: Connection): void {
    if (this.#mayBeReused(connection)) this.#idle.push(connection);
    else if (connection.isOpen()) void connection.close();
    this.#serve();
  }

  /** Idle connections end now, borrowed ones when they come back. */
  replaceAll(reason: Error): void {
    for (const connection of this.#open) this.#stale.add(connection);
    for (const connection of this.#idle.splice(0)) connection.destroy(reason);
  }

  /** Refuses whoever waits and ends idle connections politely, borrowed ones at once. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#refuseAll();
    const idle = this.#idle.splice(0);
    await Promise.all(idle.map((connection) => connection.close()));
    for (const connection of this.#open) connection.destroy(unavailable(closedMessage));
  }

  #serve(): void {
    if (this.#closed) return this.#refuseAll();
    while (this.#waiters.length > 0 && this.#idle.length > 0) {
      const connection = this.#idle.pop();
      if (connection !== undefined && this.#mayBeReused(connection)) this.#waiters[0]?.give(connection);
      else if (connection?.isOpen() === true) void connection.close();
    }
    const room = this.#options.max - this.#open.size - this.#opening;
    const wanted = Math.min(room, this.#waiters.length - this.#opening);
    for (let count = 0; count < wanted; count += 1) void this.#openOne();
  }

  async #openOne(): Promise<void> {
    const first = this.#waiters[0];
    if (first === undefined) return;
    this.#opening += 1;
    try {
      const connection = await this.#options.open(Math.max(1, first.deadlineAtMs - performance.now()));
      this.#adopt(connection);
    } catch (error) {
      // Who waits gets the reason at once and may try again; waiting longer would only hide it.
      this.#waiters[0]?.refuse(unavailable("The database cannot be reached.", error));
    } finally {
      this.#opening -= 1;
    }
    this.#serve();
  }

  #adopt(connection: Connection): void {
    this.#open.add(connection);
    void connection.ended.then(() => this.#forget(connection));
    if (this.#closed) connection.destroy(unavailable(closedMessage));
    else if (this.#waiters[0] === undefined) this.#idle.push(connection);
    else this.#waiters[0].give(connection);
  }

  #forget(connection: Connection): void {
    this.#open.delete(connection);
    const index = this.#idle.indexOf(connection);
    if (index >= 0) this.#idle.splice(index, 1);
    this.#serve();
  }

  #mayBeReused(connection: Connection): boolean {
    const ageMs = performance.now() - connection.openedAtMs;
    return (
      connection.isOpen() &&
      !this.#closed &&
      !this.#stale.has(connection) &&
      ageMs < this.#options.maxLifetimeMs
    );
  }

  #refuseAll(): void {
    for (const waiter of this.#waiters.splice(0)) waiter.refuse(unavailable(closedMessage));
  }
}
