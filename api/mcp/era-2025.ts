import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import { WebStandardStreamableHTTPServerTransport } from "@modelcontextprotocol/sdk/server/webStandardStreamableHttp.js";
import {
  CallToolRequestSchema,
  ErrorCode,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  type ServerResult,
} from "@modelcontextprotocol/sdk/types.js";
import { AjvJsonSchemaValidator } from "@modelcontextprotocol/sdk/validation/ajv";
import { z } from "zod";
import { invalidInput } from "../operations/validate.ts";
import { callTool } from "./call-tool.ts";
import type { Era } from "./era.ts";
import { ProtocolFailure } from "./protocol-failure.ts";
import { instructions, serverName, type McpRequest, type OnError } from "./request.ts";
import { listResources, readResource, resourceTemplates } from "./resources.ts";
import { listTools } from "./tools.ts";

/** Revisions up to 2025-11-25, over the official SDK. */

/** The part of the SDK's servers that is needed here: both its low and its high level have it. */
interface Connectable {
  connect(transport: WebStandardStreamableHTTPServerTransport): Promise<void>;
  close(): Promise<void>;
}

export interface Era2025Options {
  /** What answers one exchange: it holds nothing, so any node can answer the next one. */
  createServer: (request: McpRequest) => Connectable;
  onError: OnError;
  /** Answers as a stream of events, for servers that report progress. Ours do not. */
  isStreaming?: boolean;
}

export function createEra2025({ createServer, onError, isStreaming = false }: Era2025Options): Era {
  return async (web, { body, request, over }) => {
    const server = createServer(request);
    const transport = new WebStandardStreamableHTTPServerTransport({ enableJsonResponse: !isStreaming });
    const close = (): void => {
      server.close().catch((error: unknown) => onError("mcp", error));
    };
    await server.connect(transport);
    if (over.aborted) close();
    else over.addEventListener("abort", close, { once: true });
    return transport.handleRequest(web, { parsedBody: body });
  };
}

/** Made once: compiling a validator for each request would cost more than the call. */
const jsonSchemaValidator = new AjvJsonSchemaValidator();
const code: Record<ProtocolFailure["kind"], number> = {
  invalid_params: ErrorCode.InvalidParams,
  resource_not_found: -32_002,
  internal: ErrorCode.InternalError,
};

export function createServer2025(request: McpRequest, version: string, onError: OnError): Server {
  const server = new Server(
    { ...serverName, version },
    { capabilities: { tools: {}, resources: {} }, instructions, jsonSchemaValidator },
  );
  answer(server, ListToolsRequestSchema, () => ({ tools: [...listTools(request.caller.role)] }));
  answer(server, CallToolRequestSchema, ({ params }) =>
    spoken(
      callTool(request, { name: params.name, input: params.arguments ?? {}, meta: params._meta }, onError),
    ),
  );
  answer(server, ListResourcesRequestSchema, ({ params }) => listResources(request, params?.cursor));
  answer(server, ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [...resourceTemplates],
  }));
  answer(server, ReadResourceRequestSchema, ({ params }) =>
    spoken(readResource(request, params.uri, onError)),
  );
  return server;
}

/** Made once for each method: making a schema costs more than most calls. */
const anyParameters = new Map<z.ZodObject, z.ZodObject<{ method: z.ZodType }>>();

/** The SDK takes parameters of a wrong shape for a failure of its own; here they are the caller's. */
function answer<Shape extends { method: z.ZodType } & z.ZodRawShape>(
  server: Server,
  schema: z.ZodObject<Shape>,
  handler: (request: z.output<z.ZodObject<Shape>>) => ServerResult | Promise<ServerResult>,
): void {
  const loose = anyParameters.get(schema) ?? z.looseObject({ method: schema.shape.method });
  anyParameters.set(schema, loose);
  server.setRequestHandler(loose, (request) => {
    const parsed = schema.safeParse(request);
    if (parsed.success) return handler(parsed.data);
    throw new McpError(ErrorCode.InvalidParams, invalidInput(parsed.error.issues).message);
  });
}

/** Failures in this era's words. */
async function spoken<Result>(work: Promise<Result>): Promise<Result> {
  try {
    return await work;
  } catch (error) {
    if (!(error instanceof ProtocolFailure)) throw error;
    throw new McpError(code[error.kind], error.message, error.uri === null ? undefined : { uri: error.uri });
  }
}
