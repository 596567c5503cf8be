import { lookup } from "node:dns/promises";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { RouseError } from "../../runtime/errors.ts";

export interface ListenOptions {
  /** Address to bind to. */
  bind: string;
  /** 0 takes a free one. */
  port: number;
  /** The addresses of a name; the operating system tells them unless given. */
  addressesOf?: (name: string) => Promise<readonly string[]>;
}

/** `localhost` is all addresses of this machine that have the name. Returns the base URL. Throws `port_in_use`. */
export async function listen(
  server: FastifyInstance,
  { bind, port, addressesOf = lookedUp }: ListenOptions,
): Promise<string> {
  const [host = bind, ...others] = bind === "localhost" ? await addressesOf(bind) : [bind];
  try {
    await server.listen({ host, port });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE")
      throw portInUse(bind, port, error);
    throw error;
  }
  const { address, family, port: taken } = server.server.address() as AddressInfo;
  await Promise.all(others.map((other) => listenAlso(server, other, taken)));
  return `http://${family === "IPv6" ? `[${address}]` : address}:${taken}`;
}

async function lookedUp(name: string): Promise<string[]> {
  const found = await lookup(name, { all: true });
  return found.map(({ address }) => address);
}

/**
 * Hands its connections to the one server, which counts, bounds and closes them. Fastify would make further servers, whose
 * connections are nobody's. Where this address cannot be had, the first one serves alone.
 */
async function listenAlso({ server }: FastifyInstance, host: string, port: number): Promise<void> {
  const also = createServer({ allowHalfOpen: true, noDelay: true }, (socket) =>
    server.emit("connection", socket),
  );
  server.once("close", () => also.close());
  also.listen({ host, port });
  await once(also, "listening").catch(() => also.close());
}

function portInUse(bind: string, port: number, cause: unknown): RouseError {
  return new RouseError("port_in_use", `port ${port} on ${bind} is in use`, {
    nextStep: "Stop what runs there (rouse down, if it is ours), or choose another port with ROUSE_PORT.",
    details: { bind, port },
    cause,
  });
}

/** Answers what is in hand, refuses what is new, and cuts what takes longer than the deadline. */
export async function closeServer(server: FastifyInstance, deadlineMs: number): Promise<void> {
  const cut = setTimeout(() => server.server.closeAllConnections(), deadlineMs);
  await server.close().finally(() => clearTimeout(cut));
}
