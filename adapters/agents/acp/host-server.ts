import { chmodSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import type { Conversation } from "./conversation.ts";
import { hear, type HostRequest, hostRequest, openHost, sayTo } from "./protocol.ts";

/** Serves our node on the host's socket: its state, and wakes. */
export class HostServer {
  readonly #server: Server;
  readonly #conversation: Conversation;
  readonly #watching = new Set<Socket>();
  #told = "";

  private constructor(server: Server, conversation: Conversation) {
    this.#server = server;
    this.#conversation = conversation;
    server.on("connection", (socket) => this.#serve(socket));
  }

  /** Throws when a living host has the socket; what a killed one left is taken over. */
  static async open(socketPath: string, conversation: Conversation): Promise<HostServer> {
    const living = await openHost(socketPath).catch(() => null);
    if (living !== null) {
      living.destroy();
      throw new Error("another host of this runtime is running");
    }
    rmSync(socketPath, { force: true });
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(socketPath, resolve);
    });
    chmodSync(socketPath, 0o600);
    return new HostServer(server, conversation);
  }

  /** Tells the state to who watches, if it is another. */
  tell(): void {
    const { state } = this.#conversation;
    const text = JSON.stringify(state);
    if (text === this.#told) return;
    this.#told = text;
    for (const socket of this.#watching) sayTo(socket, { state });
  }

  /** Removes the socket, too. */
  close(): void {
    this.#server.close();
    for (const socket of this.#watching) socket.destroy();
  }

  #serve(socket: Socket): void {
    socket.setEncoding("utf8");
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#watching.delete(socket));
    hear(socket, hostRequest, (request) => void this.#answer(socket, request));
  }

  async #answer(socket: Socket, request: HostRequest): Promise<void> {
    const { state } = this.#conversation;
    switch (request.op) {
      case "hello":
        return sayTo(socket, { state });
      case "watch":
        this.#watching.add(socket);
        return sayTo(socket, { state });
      case "wake":
        // Handed over late by a node that stood still: somebody else has decided since.
        if (request.expiresAt < Date.now()) return sayTo(socket, { wake: "refused" });
        return sayTo(socket, { wake: await this.#conversation.wake(request.text) });
    }
  }
}
