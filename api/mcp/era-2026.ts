import {
  createMcpHandler,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
  type AuthInfo,
  type McpHttpHandler,
  type McpServer,
  type ServerEventBus,
  type Tool as WireTool,
} from "@modelcontextprotocol/server";
import { roles } from "../../machines/roles.ts";
import { callTool } from "./call-tool.ts";
import type { ClosableEra } from "./era.ts";
import { ProtocolFailure } from "./protocol-failure.ts";
import { instructions, serverName, type McpRequest, type OnError } from "./request.ts";
import { listResources, readResource, resourceTemplates } from "./resources.ts";
import { watchThreads } from "./thread-watch.ts";
import { listTools } from "./tools.ts";

/** Revision 2026-07-28, over the split packages of the official SDK. */

export interface Era2026Options {
  /** What answers one exchange. */
  createServer: (request: McpRequest) => Server | McpServer;
  onError: OnError;
  /** Where a subscription's events come from: by default what changes in the caller's own threads. */
  bus?: ServerEventBus;
}

const longestTtlMs = 300_000;
/** Open subscriptions of one agent, and of all together. */
const most = { ofAgent: 8, ofAll: 500 } as const;

/** This era's types say JSON where ours say object. */
const wireTools = new Map(
  roles.map((role) => [role, JSON.parse(JSON.stringify(listTools(role))) as WireTool[]]),
);

export function createEra2026({ createServer, onError, bus }: Era2026Options): ClosableEra {
  const listening = new Map<McpHttpHandler, string>();
  const isFull = (agentId: string): boolean => {
    const ofAgent = [...listening.values()].filter((owner) => owner === agentId).length;
    return listening.size >= most.ofAll || ofAgent >= most.ofAgent;
  };
  const handlerFor = (events?: ServerEventBus): McpHttpHandler =>
    createMcpHandler(({ authInfo }) => createServer(requestOf(authInfo)), {
      legacy: "reject",
      ...(events === undefined ? {} : { bus: events }),
    });
  const shared = handlerFor(bus);
  return {
    answer(web, { body, request, over }) {
      const call = { authInfo: authInfoOf(request), parsedBody: body };
      if (bus !== undefined || !isListening(body)) return shared.fetch(web, call);
      const owner = request.caller.agentId;
      if (isFull(owner)) return Promise.resolve(tooMany((body as { id?: unknown }).id));
      // One of its own for each stream: whose threads it tells of is the caller's matter.
      const own = handlerFor(threadEvents(request, onError, () => void own.close()));
      listening.set(own, owner);
      over.addEventListener("abort", () => void listening.delete(own), { once: true });
      return own.fetch(web, call);
    },
    async close() {
      await Promise.all([shared, ...listening.keys()].map((handler) => handler.close()));
    },
  };
}

function isListening(body: unknown): boolean {
  return (body as { method?: unknown } | null)?.method === "subscriptions/listen";
}

function tooMany(id: unknown): Response {
  const message = "Too many subscriptions are open: end some of them first";
  return Response.json({ jsonrpc: "2.0", id, error: { code: ProtocolErrorCode.InternalError, message } });
}

function threadEvents(request: McpRequest, onError: OnError, end: () => void): ServerEventBus {
  return {
    publish: () => {},
    subscribe: (listener) =>
      watchThreads(request, {
        onChanged: (uri) => listener({ kind: "resource_updated", uri }),
        onListChanged: () => listener({ kind: "resources_list_changed" }),
        onEnd: end,
        onError,
      }),
  };
}

/** The SDK hands on what it calls validated authentication; the token itself stays with us. */
function authInfoOf(request: McpRequest): AuthInfo {
  return { token: "", clientId: request.caller.agentId, scopes: [], extra: { request } };
}

function requestOf(authInfo: AuthInfo | undefined): McpRequest {
  const request = authInfo?.extra?.["request"];
  if (request === undefined) throw new Error("a server was asked for without a request");
  return request as McpRequest;
}

export function createServer2026(request: McpRequest, version: string, onError: OnError): Server {
  const hint = { ttlMs: longestTtlMs, cacheScope: "private" as const };
  const server = new Server(
    { ...serverName, version },
    {
      capabilities: { tools: {}, resources: { subscribe: true, listChanged: true } },
      instructions,
      cacheHints: { "tools/list": hint, "resources/templates/list": hint, "server/discover": hint },
    },
  );
  server.setRequestHandler("tools/list", () => ({ tools: [...(wireTools.get(request.caller.role) ?? [])] }));
  server.setRequestHandler("tools/call", ({ params }) =>
    spoken(
      callTool(request, { name: params.name, input: params.arguments ?? {}, meta: params._meta }, onError),
    ),
  );
  server.setRequestHandler("resources/list", ({ params }) => listResources(request, params?.cursor));
  server.setRequestHandler("resources/templates/list", () => ({
    resourceTemplates: [...resourceTemplates],
  }));
  server.setRequestHandler("resources/read", ({ params }) =>
    spoken(readResource(request, params.uri, onError)),
  );
  return server;
}

/** Failures in this era's words. */
async function spoken<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ProtocolFailure)) throw error;
    if (error.uri !== null) throw new ResourceNotFoundError(error.uri);
    const isOurs = error.kind === "internal";
    throw new ProtocolError(
      isOurs ? ProtocolErrorCode.InternalError : ProtocolErrorCode.InvalidParams,
      error.message,
    );
  }
}
