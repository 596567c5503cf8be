import { StreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/streamableHttp.js";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { RouseError } from "../../runtime/errors.ts";
import { createMcpServer, type McpOptions } from "./server.ts";

/** MCP over stateless Streamable HTTP. Its scope has checked the token already. */
export function mcpRoutes(scope: FastifyInstance, options: McpOptions): void {
  scope.post("/mcp", (request, reply) => answer(options, request, reply));
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

async function answer(options: McpOptions, request: FastifyRequest, reply: FastifyReply): Promise<void> {
  const { authenticated, id: requestId } = request;
  if (authenticated === null) throw new RouseError("internal", "a route was reached without a token check");
  const server = createMcpServer(options, { ...authenticated, requestId });
  const transport = new StreamableHTTPServerTransport({ enableJsonResponse: true });
  reply.hijack();
  const { raw } = reply;
  raw.setHeader("x-request-id", requestId);
  raw.once("close", () => {
    server.close().catch((error: unknown) => options.onError("mcp", error));
  });
  try {
    await server.connect(transport);
    await transport.handleRequest(request.raw, raw, request.body);
  } catch (error) {
    options.onError(`mcp (request ${requestId})`, error);
    if (!raw.headersSent) raw.writeHead(500);
    raw.end();
  }
}
