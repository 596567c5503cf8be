import type { FastifyInstance } from "fastify";
import { asRouseError } from "../http/failure.ts";
import { codeOf } from "./operation-metrics.ts";
import type { AnsweredRequest } from "./request-metrics.ts";
import { requestScope, type RequestScope } from "./request-scope.ts";

/** Counts what a server answers, and tells the code below for which request it runs. */
export function observeRequests(server: FastifyInstance, answered: (request: AnsweredRequest) => void): void {
  const codes = new WeakMap<object, string>();
  server.addHook("onError", async (request, _reply, error) => {
    codes.set(request, codeOf(asRouseError(error)));
  });
  server.addHook("onResponse", async (request, reply) => {
    const route = request.is404 ? "unmatched" : (request.routeOptions.url ?? "unmatched");
    answered({ route, status: reply.statusCode, code: codes.get(request) ?? "" });
  });
  // After the token check, which comes in the routes' own `onRequest`; entered last, because reading a body leaves a scope.
  server.addHook("preHandler", (request, _reply, done) => {
    const { traceparent } = request.headers;
    const agentId = request.authenticated?.caller.agentId;
    const scope: RequestScope = {
      requestId: request.id,
      surface: request.routeOptions.url === "/mcp" ? "mcp" : "rest",
      traceparent: typeof traceparent === "string" ? traceparent : undefined,
      ...(agentId === undefined ? {} : { agentId }),
    };
    requestScope.run(scope, done);
  });
}
