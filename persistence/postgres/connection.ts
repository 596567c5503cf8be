import type { Socket } from "node:net";

import postgres from "postgres";

import type { Address } from "./dial.ts";
import { dial } from "./dial.ts";
import { unavailable, verdictOn } from "./failure.ts";
import type { Statement } from "./statement.ts";
import { onSettled } from "./statement.ts";

/** `onnotify` is missing in the library's types. */
export type ClientOptions = postgres.Options<Record<string, postgres.PostgresType>> & {
  onnotify?: (channel: string, payload: string) => void;
};

/**
 * @param options for postgres.js; those about pooling and reconnecting are overruled
 * @throws the error of the socket or of the server when there is no usable connection within `deadlineMs`
 */
export async function openConnection(
  options: ClientOptions,
  address: Address,
  { mustWrite, deadlineMs }: { mustWrite: boolean; deadlineMs: number },
): Promise<Connection> {
  const endMs = performance.now() + deadlineMs;
  const connection = new Connection(options, address, await dial(address, deadlineMs));
  await connection.signIn(mustWrite, endMs - performance.now());
  return connection;
}

/**
 * One physical connection, used until it ends and never again. postgres.js only speaks the protocol here: its own
 * reconnecting pool crashes (it writes to a socket that it has set to null), hangs, and sends the rest of a broken
 * transaction over a new connection. A client of exactly one socket, given nothing after its end, can't do any of that.
 */
export class Connection {
  readonly openedAtMs = performance.now();
  /** Never rejects; resolves with the reason (a RouseError database_unavailable) when the connection has ended. */
  readonly ended: Promise<Error>;
  readonly #announceEnd: (reason: Error) => void;
  readonly #socket: Socket;
  readonly #client: postgres.Sql;
  readonly #execute: Statement["handler"];
  /** What has to be rejected when the connection ends. */
  readonly #waiting = new Set<(reason: Error) => void>();
  #lost: Error | null = null;

  constructor(options: ClientOptions, address: Address, socket: Socket) {
    ({ promise: this.ended, resolve: this.#announceEnd } = Promise.withResolvers<Error>());
    const onPeerClosed = (): void => this.destroy(unavailable("The connection to the database was lost."));
    this.#socket = socket;
    socket.once("close", onPeerClosed);
    const onnotice = ({ routine }: postgres.Notice): void => {
      if (routine === syncWait) this.destroy(unavailable("No standby confirmed the commit."));
    };
    this.#client = postgres(
      singleUse(options, address, { socket: once(socket), onclose: onPeerClosed, onnotice }),
    );
    // A throwaway query tells the function that executes statements on this client's only connection.
    this.#execute = Reflect.get(this.#client``, "handler") as Statement["handler"];
  }

  isOpen(): boolean {
    return this.#lost === null;
  }

  /** Sends it (when the connection is open), and sees that it is settled, also when the connection ends unanswered. */
  run(statement: Statement): void {
    if (this.#lost !== null) return statement.reject(this.#lost);
    const onEnd = (reason: Error): void => statement.reject(reason);
    onSettled(
      statement,
      (error) => this.#judge(error),
      () => this.#waiting.delete(onEnd),
    );
    this.#waiting.add(onEnd);
    this.#execute(statement);
  }

  /** The same promise, rejected as soon as the connection ends. */
  untilEnd<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.#lost === null) this.#waiting.add(reject);
      else reject(this.#lost);
      work.then(resolve, reject).finally(() => this.#waiting.delete(reject));
    });
  }

  /** Ends it at once; every statement in flight is rejected with `reason`. Idempotent. */
  destroy(reason: Error): void {
    if (this.#lost !== null) return;
    this.#lost = reason;
    this.#socket.destroy();
    for (const reject of this.#waiting) reject(reason);
    this.#announceEnd(reason);
  }

  /** Says goodbye to the server first, so that it logs no broken connection. Only for an idle one. */
  async close(): Promise<void> {
    await Promise.race([this.#client.end({ timeout: 1 }), this.ended]);
    this.destroy(unavailable("The connection to the database was closed."));
  }

  /** The first statement signs in. With `mustWrite` a node that takes no writes is refused. */
  async signIn(mustWrite: boolean, deadlineMs: number): Promise<void> {
    const timer = setTimeout(
      () => this.destroy(unavailable(`The database did not answer within ${Math.round(deadlineMs)} ms.`)),
      deadlineMs,
    );
    try {
      const asking = this.#client<{ writes: boolean }[]>`
        select current_setting('transaction_read_only') = 'off' as writes`.execute();
      const [answer] = await this.untilEnd(asking);
      if (mustWrite && answer?.writes !== true)
        throw unavailable("This node of the database takes no writes.");
    } catch (error) {
      this.destroy(unavailable("Signing in to the database failed.", error));
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #judge(error: unknown): unknown {
    const verdict = verdictOn(error);
    if (verdict === "refused") return error;
    if (verdict === "cancelled") {
      return unavailable("The database cancelled a statement that took too long.", error);
    }
    const reason = unavailable("The connection to the database was lost.", error);
    this.destroy(reason);
    return reason;
  }
}

/**
 * Where the server warns from when a person cancels a commit that waits for its synchronous standby: it then tells success,
 * though the change is on this server only and may be lost with it. The name is not translated, as the warning is.
 */
const syncWait = "SyncRepWaitForLSN";

function singleUse(
  options: ClientOptions,
  address: Address,
  hooks: Pick<ClientOptions, "onclose" | "onnotice"> & { socket: () => unknown },
) {
  const target = "path" in address ? { path: address.path } : { host: [address.host], port: [address.port] };
  const ours = {
    max: 1,
    // Deadlines and lifetimes are kept by our own pool.
    connect_timeout: 0,
    idle_timeout: 0,
    max_lifetime: null,
    // For these the library sends queries of its own, whose failure nobody could handle.
    fetch_types: false,
    target_session_attrs: undefined,
    ...hooks,
  };
  return Object.assign({}, options, target, ours);
}

/** Gives the socket the first time only: the library may never reconnect behind our back. */
function once<T>(value: T): () => T {
  let isGiven = false;
  return () => {
    if (isGiven) throw unavailable("The connection to the database was lost.");
    isGiven = true;
    return value;
  };
}
