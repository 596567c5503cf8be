import { Readable } from "node:stream";
import type { ReadableStream } from "node:stream/web";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { RouseError } from "../../runtime/errors.ts";
import { watchCancellation } from "../http/cancellation.ts";
import type { McpEndpoint } from "./endpoint.ts";
import type { McpRequest } from "./request.ts";

/** MCP over stateless Streamable HTTP. Its scope has checked the token already. */
export function mcpRoutes(scope: FastifyInstance, endpoint: McpEndpoint): void {
  const { overOf, whileWaiting } = watchCancellation(scope);
  scope.addHook("preClose", () => endpoint.close());
  scope.post("/mcp", async (request, reply) => {
    const over = overOf(reply);
    const web = webRequest(request, over);
    const exchange = {
      body: request.body,
      request: mcpRequest(request, () => whileWaiting(over)),
      over,
    };
    return send(reply, await endpoint.answer(web, exchange));
  });
  // Not 404: clients that look for a stream would then take the whole server for missing.
  scope.route({
    method: ["GET", "DELETE"],
    url: "/mcp",
    handler: (_request, reply) =>
      reply
        .code(405)
        .header("allow", "POST")
        .send({ jsonrpc: "2.0", error: { code: -32_000, message: "Method not allowed" }, id: null }),
  });
}

function mcpRequest(
  { authenticated, id: requestId }: FastifyRequest,
  cancelled: McpRequest["cancelled"],
): McpRequest {
  if (authenticated === null) throw new RouseError("internal", "a route was reached without a token check");
  return { ...authenticated, requestId, cancelled };
}

/** What the protocol's libraries look at. The token stays here. */
function webRequest({ raw, host, protocol }: FastifyRequest, signal: AbortSignal): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(raw.headers)) {
    if (typeof value !== "string") continue;
    if (name === "accept" || name === "content-type" || name.startsWith("mcp-")) headers.set(name, value);
  }
  return new Request(`${protocol}://${host}/mcp`, { method: "POST", headers, signal });
}

async function send(reply: FastifyReply, response: Response): Promise<FastifyReply> {
  void reply.code(response.status);
  for (const [name, value] of response.headers) {
    if (name !== "connection") void reply.header(name, value);
  }
  if (response.body === null) return reply.send();
  const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
  if (!isStream) return reply.send(await response.text());
  // The platform's own stream type; the two declarations differ in name only.
  return reply.send(Readable.fromWeb(response.body as ReadableStream<Uint8Array>));
}
