import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import { createAuthenticate, type Authenticated } from "../auth/authenticate.ts";
import { mayWait, whileGood } from "../auth/while-good.ts";
import { RouseError } from "../../runtime/errors.ts";
import { createMcpEndpoint, type McpEndpoint } from "../mcp/endpoint.ts";
import { mcpRoutes } from "../mcp/routes.ts";
import { isRefusal } from "../operations/audit.ts";
import { operations } from "../operations/list.ts";
import type { Operation, Workspace } from "../operations/operation.ts";
import { runOperation, type OperationResult } from "../operations/run-operation.ts";
import { watchCancellation, type Cancellation } from "./cancellation.ts";
import { limitConnections } from "./connections.ts";
import { eventRoutes } from "./event-routes.ts";
import { asRouseError } from "./failure.ts";
import { acceptJson } from "./json-body.ts";
import { defaultHttpLimits, type HttpLimits } from "./limits.ts";
import { openApiDocument } from "./openapi.ts";
import { requireTrustedOrigin, type OriginPolicy } from "./origin.ts";
import { refuseUnderPressure } from "./pressure.ts";
import { probes } from "./probes.ts";
import { refuseConnection, sendProblem } from "./problem-details.ts";
import { identifyCallers, type Identify } from "./rate-limits.ts";
import { RefusedRequests } from "./refused-requests.ts";
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
  /** Default: `defaultHttpLimits`. */
  limits?: Partial<HttpLimits>;
  /** Hears of failures that are ours, not the caller's. */
  onError: (context: string, error: unknown) => void;
  /** What is served at `/mcp`; tests give another one. */
  mcp?: McpEndpoint;
  /** Adds hooks and routes of its own, for measuring. */
  observe?: (server: FastifyInstance, identify: Identify) => void;
}

/** A body of 64 KiB whose every character is escaped, and the fields around it. */
const bodyLimit = 6 * 65_536 + 16_384;
const requestIdPattern = /^[A-Za-z0-9-]{8,64}$/;

/** REST below `/v1`, MCP at `/mcp`, `/health` and `/ready`. Not listening yet: see `listen`. */
export function buildServer(options: ServerOptions): FastifyInstance {
  const { workspaces, allowed = {}, onError } = options;
  const [first] = workspaces;
  if (first === undefined) throw new RouseError("internal", "a server needs at least one workspace");
  const limits = { ...defaultHttpLimits, ...options.limits };
  const policy = { hosts: allowed.hosts ?? [], origins: allowed.origins ?? [] };
  const server = Fastify({
    bodyLimit,
    genReqId: ({ headers }) => givenRequestId(headers["x-request-id"]) ?? first.ids.next(),
    // Agents keep their connection while they think; a slow sender must not hold one for ever.
    requestTimeout: limits.requestTimeoutMs,
    http: {
      headersTimeout: limits.requestTimeoutMs,
      // How late a slow sender is noticed.
      connectionsCheckingInterval: Math.ceil(limits.requestTimeoutMs / 10),
    },
    // An address that no route can read reaches no error handler.
    frameworkErrors: (error, request, reply) =>
      void sendProblem(asRouseError(error), { request, reply, onError }),
    clientErrorHandler: (error, socket) => refuseConnection(error, socket, first.ids.next()),
    routerOptions: { maxParamLength: 128 },
    // Fastify's own answer would carry no code.
    return503OnClosing: false,
  });
  const isDraining = refuseWhileDraining(server);
  server.decorateRequest("authenticated", null);
  acceptJson(server, limits.bodyDepth);
  server.addHook("onRequest", async (request, reply) => {
    void reply.header("x-request-id", request.id);
    void reply.header("cache-control", "no-store");
    // Nothing here is a page: no browser is to run, frame or guess at it.
    void reply.header("x-content-type-options", "nosniff");
    void reply.header("content-security-policy", "default-src 'none'; frame-ancestors 'none'");
    void reply.header("cross-origin-resource-policy", "same-origin");
    void reply.header("referrer-policy", "no-referrer");
    requireTrustedOrigin(policy, request.headers);
  });
  limitConnections(server, limits.connections);
  answerFailures(server, first, onError);
  const identify = identifyCallers(server, { authenticate: createAuthenticate(workspaces), limits });
  answerUnknownPaths(server, identify);
  options.observe?.(server, identify);
  probes(server, { workspaces, isDraining });
  serveOpenApi(server, options.version);
  void server.register(async (scope) => {
    await refuseUnderPressure(scope, limits.overloadedDelayMs);
    scope.addHook("onRequest", async (request) => void (await identify(request)));
    eventRoutes(scope, { limits, onError });
    const cancellation = watchCancellation(scope);
    for (const operation of operations) route(scope, operation, cancellation);
    const endpoint = options.mcp ?? createMcpEndpoint({ version: options.version, onError });
    mcpRoutes(scope, endpoint);
  });
  return server;
}

function answerUnknownPaths(server: FastifyInstance, identify: Identify): void {
  server.setNotFoundHandler(async (request) => {
    // Whose token is good is on record by name, any other one is counted.
    await identify(request).catch((error: unknown) => {
      if (!isRefusal(error) || error.code === "rate_limited") throw error;
    });
    throw new RouseError("not_found", `there is nothing at ${placeOf(request)}`, {
      nextStep: "See the operations guide for paths and methods.",
    });
  });
}

function placeOf({ method, url }: FastifyRequest): string {
  return `${method} ${url.split("?")[0] ?? ""}`;
}

/** Made when it is first asked for: most nodes never are. */
function serveOpenApi(server: FastifyInstance, version: string): void {
  let document: string | null = null;
  server.get("/v1/openapi.json", (_request, reply) => {
    document ??= JSON.stringify(openApiDocument(version));
    return reply.type("application/json").send(document);
  });
}

/** What belongs to no workspace is counted in this one's audit. */
function answerFailures(
  server: FastifyInstance,
  workspace: Workspace,
  onError: ServerOptions["onError"],
): void {
  const refused = new RefusedRequests({
    store: workspace.engine.store,
    now: () => workspace.clock.now(),
    onError,
  });
  server.addHook("onClose", () =>
    refused.flush().catch((error: unknown) => onError("audit of refused requests", error)),
  );
  server.setErrorHandler(async (thrown, request, reply) => {
    const error = asRouseError(thrown);
    const failure: unknown = await refused.note(request, error).catch((reason: unknown) => reason);
    return sendProblem(failure ?? error, { request, reply, onError });
  });
}

/** What still arrives over a connection that was open when the server began to close. */
function refuseWhileDraining(server: FastifyInstance): () => boolean {
  let isDraining = false;
  server.addHook("preClose", async () => {
    isDraining = true;
  });
  server.addHook("onRequest", async ({ url }) => {
    if (!isDraining || url === "/health") return;
    throw new RouseError("draining", "this node is shutting down", {
      nextStep: "Repeat the call in a moment: at another node, or here once it is back.",
    });
  });
  return () => isDraining;
}

function route(scope: FastifyInstance, operation: Operation, { overOf, whileWaiting }: Cancellation): void {
  const readInput = restInput(operation);
  const { method, path: url } = operation.http;
  scope.route({
    method,
    url,
    config: { operation: operation.name },
    handler: async (request, reply) => {
      const authenticated = requireAuthenticated(request);
      const { caller, workspace } = authenticated;
      const input = readInput({
        params: request.params,
        query: request.query,
        body: request.body,
        idempotencyKey: oneHeader(request.headers["idempotency-key"]),
      });
      const onReplayed = (): void => void reply.header("idempotency-replayed", "true");
      const run = (ending: { signal?: AbortSignal }): Promise<OperationResult> =>
        runOperation({ operation, caller, workspace, input, requestId: request.id, onReplayed, ...ending });
      return mayWait(input) ? whileGood(authenticated, whileWaiting(overOf(reply)), run) : run({});
    },
  });
}

function requireAuthenticated({ authenticated }: FastifyRequest): Authenticated {
  if (authenticated === null) throw new RouseError("internal", "a route was reached without a token check");
  return authenticated;
}

function givenRequestId(header: string | string[] | undefined): string | null {
  const value = oneHeader(header);
  return value !== undefined && requestIdPattern.test(value) ? value : null;
}

function oneHeader(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}
