import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { createAuthenticate, type Authenticate, type Authenticated } from "../auth/authenticate.ts";
import { RouseError } from "../../runtime/errors.ts";
import { mcpRoutes } from "../mcp/routes.ts";
import { operations } from "../operations/list.ts";
import type { Operation, Workspace } from "../operations/operation.ts";
import { problemOf, statusOf } from "../operations/problem.ts";
import { runOperation } from "../operations/run-operation.ts";
import { asRouseError } from "./failure.ts";
import { requireTrustedOrigin, type OriginPolicy } from "./origin.ts";
import { restInput } from "./rest-input.ts";

declare module "fastify" {
  interface FastifyRequest {
    /** Set before the handler of every route that needs a token. */
    authenticated: Authenticated | null;
  }
}

export interface ServerOptions {
  workspaces: readonly Workspace[];
  /** Shown to MCP clients. */
  version: string;
  /** Default: loopback names only, no foreign pages. */
  allowed?: Partial<OriginPolicy>;
  /** Hears of failures that are ours, not the caller's. */
  onError: (context: string, error: unknown) => void;
}

/** A body of 64 KiB whose every character is escaped, and the fields around it. */
const bodyLimit = 6 * 65_536 + 16_384;
const retryAfterS = 2;
const requestIdPattern = /^[A-Za-z0-9-]{8,64}$/;

/** REST below `/v1`, MCP at `/mcp`, `/health` and `/ready`. Not listening yet: see `listen`. */
export function buildServer(options: ServerOptions): FastifyInstance {
  const { workspaces, allowed = {}, onError } = options;
  const [first] = workspaces;
  if (first === undefined) throw new RouseError("internal", "a server needs at least one workspace");
  const policy = { hosts: allowed.hosts ?? [], origins: allowed.origins ?? [] };
  const authenticate = createAuthenticate(workspaces);
  const server = Fastify({
    bodyLimit,
    genReqId: ({ headers }) => givenRequestId(headers["x-request-id"]) ?? first.ids.next(),
    // Agents keep their connection while they think; a slow sender must not hold one for ever.
    requestTimeout: 30_000,
    routerOptions: { maxParamLength: 128 },
    // Fastify's own answer would carry no code.
    return503OnClosing: false,
  });
  refuseWhileDraining(server);
  server.decorateRequest("authenticated", null);
  acceptEmptyJson(server);
  server.addHook("onRequest", async (request, reply) => {
    void reply.header("x-request-id", request.id);
    void reply.header("cache-control", "no-store");
    void reply.header("x-content-type-options", "nosniff");
    requireTrustedOrigin(policy, request.headers);
  });
  server.setErrorHandler((error, request, reply) => sendProblem(error, { request, reply, onError }));
  server.setNotFoundHandler((request) => {
    throw new RouseError(
      "not_found",
      `there is nothing at ${request.method} ${request.url.split("?")[0] ?? ""}`,
      {
        nextStep: "See the operations guide for paths and methods.",
      },
    );
  });
  probes(server, workspaces);
  void server.register(async (scope) => {
    requireToken(scope, authenticate);
    for (const operation of operations) route(scope, operation);
    mcpRoutes(scope, { version: options.version, onError });
  });
  return server;
}

/** What still arrives over a connection that was open when the server began to close. */
function refuseWhileDraining(server: FastifyInstance): void {
  let isDraining = false;
  server.addHook("preClose", async () => {
    isDraining = true;
  });
  server.addHook("onRequest", async () => {
    if (!isDraining) return;
    throw new RouseError("draining", "this node is shutting down", {
      nextStep: "Repeat the call in a moment: at another node, or here once it is back.",
    });
  });
}

function requireToken(scope: FastifyInstance, authenticate: Authenticate): void {
  scope.addHook("onRequest", async (request) => {
    request.authenticated = await authenticate(request.headers.authorization);
  });
}

function route(scope: FastifyInstance, operation: Operation): void {
  const readInput = restInput(operation);
  const { method, path: url } = operation.http;
  scope.route({
    method,
    url,
    handler: async (request) => {
      const { caller, workspace } = requireAuthenticated(request);
      const input = readInput({
        params: request.params,
        query: request.query,
        body: request.body,
        idempotencyKey: oneHeader(request.headers["idempotency-key"]),
      });
      return runOperation({ operation, caller, workspace, input, requestId: request.id });
    },
  });
}

export function requireAuthenticated({ authenticated }: FastifyRequest): Authenticated {
  if (authenticated === null) throw new RouseError("internal", "a route was reached without a token check");
  return authenticated;
}

function probes(server: FastifyInstance, workspaces: readonly Workspace[]): void {
  server.get("/health", () => ({ status: "ok" }));
  server.get("/ready", async () => {
    for (const { engine } of workspaces) {
      await engine.store.transaction((tx) => tx.getSetting("injection"), { readOnly: true });
    }
    return { status: "ready" };
  });
}

/** Many clients name a content type also where they send nothing. */
function acceptEmptyJson(server: FastifyInstance): void {
  const parse = server.getDefaultJsonParser("error", "error");
  server.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (body === "") return done(null, {});
    // Typed as possibly returning a promise; the default parser answers through `done`.
    void parse(request, body as string, done);
  });
}

interface Failed {
  request: FastifyRequest;
  reply: FastifyReply;
  onError: ServerOptions["onError"];
}

function sendProblem(thrown: unknown, { request, reply, onError }: Failed): FastifyReply {
  const error = asRouseError(thrown);
  const problem = problemOf(error, request.id);
  const status = statusOf(problem);
  if (status >= 500)
    onError(`${request.method} ${request.routeOptions.url ?? "?"} (request ${request.id})`, error);
  if (status === 401) void reply.header("www-authenticate", 'Bearer realm="rouse"');
  if (status === 503 || status === 429) void reply.header("retry-after", retryAfterS);
  return reply
    .code(status)
    .type("application/problem+json")
    .send({ status, ...problem });
}

function givenRequestId(header: string | string[] | undefined): string | null {
  const value = oneHeader(header);
  return value !== undefined && requestIdPattern.test(value) ? value : null;
}

function oneHeader(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
