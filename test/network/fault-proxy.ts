import { createServer, connect, type Server, type Socket } from "node:net";
import { once } from "node:events";

/**
 * Stands between a node and its database: a cable that can be cut. `cut` swallows every byte both ways and tells nobody,
 * as a broken switch does; `refuse` ends what is open and takes nothing new.
 */
export class FaultProxy {
  readonly #target: { host: string; port: number };
  readonly #server: Server;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  #state: "open" | "cut" | "refuse" = "open";

  private constructor(target: { host: string; port: number }) {
    this.#target = target;
    this.#server = createServer((client) => this.#join(client));
  }

  static async listen(target: { host: string; port: number }): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("the proxy does not listen");
    return address.port;
  }

  /** Silence, on open connections as on new ones. */
  cut(): void {
    this.#state = "cut";
    for (const pair of this.#pairs) for (const socket of pair) socket.pause();
  }

  refuse(): void {
    this.#state = "refuse";
    for (const pair of this.#pairs) for (const socket of pair) socket.destroy();
  }

  /** What was swallowed while it was cut comes now, late: as a network may do. */
  heal(): void {
    this.#state = "open";
    for (const [client, server] of this.#pairs) {
      if (server.connecting) continue;
      client.resume();
      server.resume();
    }
  }

  close(): void {
    this.refuse();
    this.#server.close();
  }

  #join(client: Socket): void {
    if (this.#state === "refuse") return void client.destroy();
    const server = connect(this.#target);
    const pair = [client, server] as const;
    this.#pairs.add(pair);
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on("data", (bytes) => {
        if (!to.write(bytes)) {
          from.pause();
          to.once("drain", () => {
            if (this.#state === "open") from.resume();
          });
        }
      });
      from.on("error", () => {});
      from.on("close", () => {
        to.destroy();
        this.#pairs.delete(pair);
      });
    }
    if (this.#state === "cut") for (const socket of pair) socket.pause();
  }
}
