import type { Doorbell } from "../../runtime/store.ts";
import { LocalBell } from "../local-bell.ts";
import { connect, type Database, type Listener } from "./connect.ts";

export interface PostgresDoorbellOptions {
  url: string;
  workspaceId: string;
  /** Wait before listening again after the connection was lost; 1,000 unless given. */
  retryMs?: number;
}

const channel = "rouse_doorbell";

/**
 * Rings listeners here at once and those of other processes by NOTIFY, outside of any transaction: NOTIFY takes a lock
 * of the whole server at commit. At most one is under way; rings meanwhile are one more. A lost connection is harmless:
 * listeners are rung once after it is back, and everybody polls anyway.
 */
export function createPostgresDoorbell(options: PostgresDoorbellOptions): Doorbell {
  const database = connect({
    url: options.url,
    max: 1,
    applicationName: "rouse doorbell",
    deadlineMs: 5_000,
  });
  const bell = new LocalBell();
  const self = `${options.workspaceId} ${crypto.randomUUID()}`;
  const onNotify = (payload: string): void => {
    if (payload.startsWith(`${options.workspaceId} `) && payload !== self) bell.ring();
  };
  const ear = new Ear(database, options.retryMs ?? 1_000, onNotify, () => bell.ring());
  const messenger = new Messenger(database, self);
  return {
    ring() {
      bell.ring();
      messenger.ring();
    },
    onRing: (listener) => bell.onRing(listener),
    async close() {
      bell.clear();
      await ear.close();
      await messenger.close();
      await database.close();
    },
  };
}

/** Sends one NOTIFY at a time. */
class Messenger {
  readonly #database: Database;
  readonly #payload: string;
  #sending: Promise<void> | null = null;
  #again = false;

  constructor(database: Database, payload: string) {
    this.#database = database;
    this.#payload = payload;
  }

  ring(): void {
    if (this.#sending !== null) this.#again = true;
    else this.#sending = this.#send();
  }

  async close(): Promise<void> {
    this.#again = false;
    await this.#sending;
  }

  async #send(): Promise<void> {
    do {
      this.#again = false;
      // Whoever misses it finds the work by polling.
      await this.#database.sql`select pg_notify(${channel}, ${this.#payload})`.catch(() => undefined);
    } while (this.#again);
    this.#sending = null;
  }
}

/** Listens for as long as it lives, over as many connections as that takes. */
class Ear {
  readonly #closed = Promise.withResolvers<null>();
  readonly #ended: Promise<void>;
  #isClosed = false;

  constructor(database: Database, retryMs: number, onNotify: (payload: string) => void, onBack: () => void) {
    this.#ended = this.#listen(database, retryMs, onNotify, onBack);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#closed.resolve(null);
    await this.#ended;
  }

  async #listen(
    database: Database,
    retryMs: number,
    onNotify: (payload: string) => void,
    onBack: () => void,
  ): Promise<void> {
    while (!this.#isClosed) {
      const listener: Listener | null = await database.listen(channel, onNotify).catch(() => null);
      if (listener !== null) {
        onBack();
        await Promise.race([listener.ended, this.#closed.promise]);
        if (this.#isClosed) await listener.close();
      }
      await this.#pause(retryMs);
    }
  }

  async #pause(ms: number): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const elapsed = new Promise<null>((resolve) => {
      timer = setTimeout(() => resolve(null), ms);
      timer.unref();
    });
    await Promise.race([elapsed, this.#closed.promise]);
    clearTimeout(timer);
  }
}
