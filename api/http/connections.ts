import type { Socket } from "node:net";
import { finished } from "node:stream/promises";
import type { FastifyInstance } from "fastify";
import { RouseError } from "../../runtime/errors.ts";

/** Connections beyond the limit that are told so; still more are reset. */
const refusalSeats = 64;
/** Who is too many has this long to ask, and be told. */
const refusedWithinMs = 2_000;

/**
 * Bounds open connections, streams included; 0: no bound. When they are full, those that only wait for their next request
 * are closed to make room; where that does not help, a request is refused as `overloaded` and its connection ends.
 * `/health` answers there, too.
 */
export function limitConnections(server: FastifyInstance, most: number): void {
  if (most === 0) return;
  const http = server.server;
  const open = new Set<Socket>();
  const surplus = new Map<Socket, NodeJS.Timeout>();
  const settle = (socket: Socket): void => {
    clearTimeout(surplus.get(socket));
    surplus.delete(socket);
  };
  http.on("connection", (socket: Socket) => {
    if (open.size >= most + refusalSeats) return void socket.resetAndDestroy();
    open.add(socket);
    socket.once("close", () => {
      open.delete(socket);
      settle(socket);
    });
    if (open.size <= most) return;
    http.closeIdleConnections();
    surplus.set(socket, setTimeout(() => socket.destroy(), refusedWithinMs).unref());
  });
  server.addHook("onRequest", async ({ raw, url }, reply) => {
    if (!surplus.has(raw.socket)) return;
    if (open.size <= most) return settle(raw.socket);
    void reply.header("connection", "close");
    if (url === "/health") return;
    // What is not taken in would reset the connection before the answer is read.
    raw.resume();
    await finished(raw).catch(() => undefined);
    throw new RouseError("overloaded", "this node has as many connections open as it may", {
      nextStep:
        "Ask another node, or again in a moment, with the same idempotency key; close what is not needed.",
      details: { allowed: most },
    });
  });
}
