import { Server } from "@modelcontextprotocol/sdk/server/index.js";
import {
  CallToolRequestSchema,
  CompleteRequestSchema,
  GetPromptRequestSchema,
  ListPromptsRequestSchema,
  ListResourcesRequestSchema,
  ListResourceTemplatesRequestSchema,
  ListToolsRequestSchema,
  McpError,
  ReadResourceRequestSchema,
  SetLevelRequestSchema,
  SubscribeRequestSchema,
  UnsubscribeRequestSchema,
  type CallToolResult,
  type ElicitRequestFormParams,
  type ServerNotification,
} from "@modelcontextprotocol/sdk/types.js";
import { forms, plainTools, prompts, resources, template, wordySchema } from "./fixture-content.ts";

interface Extra {
  _meta?: { progressToken?: string | number | undefined } | undefined;
  requestId: string | number;
  sendNotification: (notification: ServerNotification) => Promise<void>;
}
type Tool = (input: Record<string, unknown>, extra: Extra) => Promise<CallToolResult>;

const answer = (text: string): CallToolResult => ({ content: [{ type: "text", text }] });

/** What the scenarios of revision 2025-11-25 expect, over the very SDK that serves our own tools. */
export function createFixture2025(): Server {
  const server = new Server(
    { name: "conformance-fixture", version: "1.0.0" },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        logging: {},
        completions: {},
      },
    },
  );
  serveTools(server);
  serveResources(server);
  servePrompts(server);
  server.setRequestHandler(SetLevelRequestSchema, () => ({}));
  server.setRequestHandler(CompleteRequestSchema, () => ({
    completion: { values: [], total: 0, hasMore: false },
  }));
  return server;
}

function serveTools(server: Server): void {
  const tools = toolsOf(server);
  server.setRequestHandler(ListToolsRequestSchema, () => ({
    tools: [
      ...Object.keys(tools).map((name) => ({
        name,
        description: `Fixture ${name}`,
        inputSchema: { type: "object" as const },
      })),
      { name: "json_schema_2020_12_tool", description: "A wordy schema", inputSchema: wordySchema },
    ],
  }));
  server.setRequestHandler(CallToolRequestSchema, ({ params }, extra) => {
    const tool = tools[params.name];
    if (tool === undefined) throw new McpError(-32_602, `Unknown tool: ${params.name}`);
    return tool(params.arguments ?? {}, extra);
  });
}

function toolsOf(server: Server): Record<string, Tool> {
  const plain = Object.entries(plainTools).map(([name, content]): [string, Tool] => [
    name,
    async () => ({ content }),
  ]);
  const forming = Object.entries(forms).map(([name, properties]): [string, Tool] => [
    name,
    (_input, extra) => elicit(server, extra, "Please review", properties),
  ]);
  return {
    ...Object.fromEntries([...plain, ...forming]),
    test_error_handling: async () => ({
      isError: true,
      ...answer("This tool intentionally returns an error for testing"),
    }),
    test_tool_with_logging: withLogging,
    test_tool_with_progress: withProgress,
    test_elicitation: ({ message }, extra) =>
      elicit(server, extra, String(message), { response: { type: "string" } }),
    test_sampling: async ({ prompt }, { requestId }) => {
      if (server.getClientCapabilities()?.sampling === undefined) throw new Error("nobody can be asked here");
      const { content } = await server.createMessage(
        { messages: [{ role: "user", content: { type: "text", text: String(prompt) } }], maxTokens: 100 },
        { relatedRequestId: requestId },
      );
      return answer(`LLM response: ${content.type === "text" ? content.text : content.type}`);
    },
  };
}

const withLogging: Tool = async (_input, { sendNotification }) => {
  for (const data of ["Tool execution started", "Tool processing data", "Tool execution completed"]) {
    await sendNotification({ method: "notifications/message", params: { level: "info", data } });
  }
  return answer("Tool with logging executed successfully");
};

const withProgress: Tool = async (_input, { _meta, sendNotification }) => {
  const progressToken = _meta?.progressToken;
  for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
    const params = { progressToken: progressToken as string | number, progress, total: 100 };
    await sendNotification({ method: "notifications/progress", params });
  }
  return answer(String(progressToken ?? "no token"));
};

async function elicit(
  server: Server,
  { requestId }: Extra,
  message: string,
  properties: object,
): Promise<CallToolResult> {
  const requestedSchema = { type: "object", properties, required: [] } as unknown;
  const { action, content } = await server.elicitInput(
    // The forms are written down as constants; the SDK's type wants them by kind.
    { message, requestedSchema } as ElicitRequestFormParams,
    { relatedRequestId: requestId },
  );
  return answer(`Completed: action=${action}, content=${JSON.stringify(content ?? {})}`);
}

function serveResources(server: Server): void {
  server.setRequestHandler(ListResourcesRequestSchema, () => ({
    resources: resources.map(({ name, uri, content: { mimeType } }) => ({ name, uri, mimeType })),
  }));
  server.setRequestHandler(ListResourceTemplatesRequestSchema, () => ({
    resourceTemplates: [{ name: template.name, uriTemplate: template.uriTemplate }],
  }));
  server.setRequestHandler(ReadResourceRequestSchema, ({ params: { uri } }) => {
    const id = /^test:\/\/template\/(\w+)\/data$/.exec(uri)?.[1];
    if (id !== undefined) return { contents: [template.content(uri, id)] };
    const found = resources.find((resource) => resource.uri === uri);
    if (found === undefined) throw new McpError(-32_002, `Resource not found: ${uri}`, { uri });
    return { contents: [{ uri, ...found.content }] };
  });
  server.setRequestHandler(SubscribeRequestSchema, () => ({}));
  server.setRequestHandler(UnsubscribeRequestSchema, () => ({}));
}

function servePrompts(server: Server): void {
  server.setRequestHandler(ListPromptsRequestSchema, () => ({
    prompts: prompts.map(({ name, arguments: names }) => ({
      name,
      description: `Fixture ${name}`,
      arguments: names.map((argument) => ({ name: argument, description: argument, required: true })),
    })),
  }));
  server.setRequestHandler(GetPromptRequestSchema, ({ params }) => {
    const prompt = prompts.find(({ name }) => name === params.name);
    if (prompt === undefined) throw new McpError(-32_602, `Unknown prompt: ${params.name}`);
    return { messages: prompt.messages(params.arguments ?? {}) };
  });
}
