import type { FastifyInstance } from "fastify";
import type { HttpLimits } from "../../../api/http/limits.ts";
import { listen, type ListenOptions } from "../../../api/http/listen.ts";
import { buildServer } from "../../../api/http/server.ts";
import type { Role } from "../../../machines/roles.ts";
import type { World } from "../world.ts";

export interface Served {
  url: string;
  server: FastifyInstance;
  /** Failures of ours that were reported. */
  failures: { context: string; error: unknown }[];
  token(agentId: string, role?: Role): Promise<string>;
  /** A REST call; the body goes as JSON. */
  rest(token: string, method: string, path: string, more?: RestOptions): Promise<RestAnswer>;
}

export interface RestOptions {
  body?: unknown;
  headers?: Record<string, string>;
}

export interface RestAnswer {
  status: number;
  headers: Headers;
  body: Record<string, unknown>;
}

/** The world behind a real HTTP server on a free port. */
export function serve(...worlds: [World, ...World[]]): Promise<Served> {
  return serveWith({}, ...worlds);
}

export function serveWith(limits: Partial<HttpLimits>, ...worlds: [World, ...World[]]): Promise<Served> {
  return serveAt({ bind: "127.0.0.1" }, limits, ...worlds);
}

export async function serveAt(
  where: Omit<ListenOptions, "port">,
  limits: Partial<HttpLimits>,
  ...worlds: [World, ...World[]]
): Promise<Served> {
  const [world] = worlds;
  const failures: Served["failures"] = [];
  const server = buildServer({
    workspaces: worlds.map(({ workspace }) => workspace),
    version: "0.0.0",
    limits,
    onError: (context, error) => failures.push({ context, error }),
  });
  const url = await listen(server, { ...where, port: 0 });
  return {
    url,
    server,
    failures,
    async token(agentId, role = "participant") {
      const request = { agentId, role, sessionId: `s-${agentId}`, lifetimeMs: 43_200_000 };
      return (await world.workspace.tokens.issue(request)).token;
    },
    async rest(token, method, path, { body, headers = {} } = {}) {
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        body: body === undefined ? null : JSON.stringify(body),
      });
      const answer = (await response.json()) as Record<string, unknown>;
      return { status: response.status, headers: response.headers, body: answer };
    },
  };
}
