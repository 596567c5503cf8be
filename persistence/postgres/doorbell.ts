import { works, type Doorbell, type Work } from "../../runtime/store.ts";
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
  const ours = `${options.workspaceId} `;
  const self = `${ours}${crypto.randomUUID()}`;
  const onNotify = (payload: string): void => {
    if (payload.startsWith(ours) && !payload.startsWith(self)) bell.ring(workIn(payload.slice(ours.length)));
  };
  const ear = new Ear(database, options.retryMs ?? 1_000, onNotify, () => bell.ring());
  const messenger = new Messenger(database, self);
  return {
    ring(work = works) {
      bell.ring(work);
      messenger.ring(work);
    },
    onRing: (listener, work) => bell.onRing(listener, work),
    async close() {
      bell.clear();
      await ear.close();
      await messenger.close();
      await database.close();
    },
  };
}

/** Payload: workspace, whose name may have spaces, sender, work. Release 0.1.0 says no more than the first two: any work. */
function workIn(senderAndWork: string): readonly Work[] {
  const [, asked] = senderAndWork.split(" ");
  return asked === undefined ? works : works.filter((work) => asked.split(",").includes(work));
}

/** Sends one NOTIFY at a time. */
class Messenger {
  readonly #database: Database;
  readonly #sender: string;
  #unsent: Set<Work> | null = null;
  #sending: Promise<void> | null = null;

  constructor(database: Database, sender: string) {
    this.#database = database;
    this.#sender = sender;
  }

  ring(work: readonly Work[]): void {
    this.#unsent = new Set([...(this.#unsent ?? []), ...work]);
    this.#sending ??= this.#send();
  }

  async close(): Promise<void> {
    this.#unsent = null;
    await this.#sending;
  }

  async #send(): Promise<void> {
    while (this.#unsent !== null) {
      const payload = `${this.#sender} ${[...this.#unsent].join(",")}`;
      this.#unsent = null;
      // Nothing to keep, so nobody waits for the disk. Whoever misses it finds the work by polling.
      const asynchronously = this.#database.sql`set_config('synchronous_commit', 'off', true)`;
      await this.#database.sql`select pg_notify(${channel}, ${payload}), ${asynchronously}`.catch(
        () => undefined,
      );
    }
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
