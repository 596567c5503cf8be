import type { AddressInfo } from "node:net";
import type { FastifyInstance } from "fastify";
import { RouseError } from "../../runtime/errors.ts";

export interface ListenOptions {
  /** Address to bind to. */
  bind: string;
  /** 0 takes a free one. */
  port: number;
}

/** Returns the base URL. Throws `port_in_use`. */
export async function listen(server: FastifyInstance, { bind, port }: ListenOptions): Promise<string> {
  try {
    await server.listen({ host: bind, port });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EADDRINUSE")
      throw portInUse(bind, port, error);
    throw error;
  }
  const { address, family, port: taken } = server.server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${taken}`;
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
