import { randomBytes, randomUUID } from "node:crypto";
import {
  acceptedContent,
  CLIENT_CAPABILITIES_META_KEY,
  createRequestStateCodec,
  inputRequired,
  ProtocolError,
  ProtocolErrorCode,
  ResourceNotFoundError,
  Server,
  type CallToolResult,
  type ClientCapabilities,
  type GetPromptResult,
  type InputRequests,
  type InputRequiredResult,
  type ServerContext,
  type ServerEventBus,
  type Tool as WireTool,
} from "@modelcontextprotocol/server";
import { plainTools, prompts, resources, template, wordySchema } from "./fixture-content.ts";

type Tool = (context: ServerContext) => Promise<CallToolResult | InputRequiredResult>;

const answer = (text: string): CallToolResult => ({ content: [{ type: "text", text }] });
const states = createRequestStateCodec<Record<string, unknown>>({ key: randomBytes(32) });

/** What the scenarios of revision 2026-07-28 expect, over the very packages that serve our own tools. */
export function createFixture2026(bus: ServerEventBus): Server {
  const server = new Server(
    { name: "conformance-fixture", version: "1.0.0" },
    {
      capabilities: {
        tools: { listChanged: true },
        resources: { subscribe: true, listChanged: true },
        prompts: { listChanged: true },
        completions: {},
      },
      requestState: { verify: (state, context) => states.verify(state, context) },
    },
  );
  serveTools(server, bus);
  serveResources(server);
  servePrompts(server);
  server.setRequestHandler("completion/complete", () => ({
    completion: { values: [], total: 0, hasMore: false },
  }));
  return server;
}

function serveTools(server: Server, bus: ServerEventBus): void {
  const tools: Record<string, Tool> = {
    ...Object.fromEntries(
      Object.entries(plainTools).map(([name, content]): [string, Tool] => [name, async () => ({ content })]),
    ),
    ...asking,
    test_error_handling: async () => ({
      isError: true,
      ...answer("This tool intentionally returns an error for testing"),
    }),
    test_tool_with_progress: withProgress,
    test_streaming_elicitation: async () => answer("nothing was asked"),
    test_logging_tool: async ({ mcpReq }) => {
      await mcpReq.log("info", "told only to those who asked for logs");
      return answer("logged");
    },
    test_trigger_tool_change: async () => {
      bus.publish({ kind: "tools_list_changed" });
      return answer("published");
    },
    test_trigger_prompt_change: async () => {
      bus.publish({ kind: "prompts_list_changed" });
      return answer("published");
    },
  };
  const listed: WireTool[] = Object.keys(tools).map((name) => ({
    name,
    description: `Fixture ${name}`,
    inputSchema: { type: "object" },
  }));
  const wordy = { name: "json_schema_2020_12_tool", description: "A wordy schema", inputSchema: wordySchema };
  const mirrored: WireTool = {
    name: "test_x_mcp_header",
    description: "An argument that is mirrored into a header",
    inputSchema: {
      type: "object",
      properties: { region: { type: "string", "x-mcp-header": "Region" }, level: { type: "integer" } },
    },
  };
  // Written down as a constant, whose arrays are read-only; the wire's type wants them writable.
  server.setRequestHandler("tools/list", () => ({
    tools: [...listed, mirrored, structuredClone(wordy) as unknown as WireTool],
  }));
  server.setRequestHandler("tools/call", ({ params }, context) => {
    const tool = tools[params.name];
    if (tool === undefined) {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown tool: ${params.name}`);
    }
    return tool(context);
  });
}

const withProgress: Tool = async ({ mcpReq }) => {
  const progressToken = mcpReq._meta?.progressToken;
  for (const progress of progressToken === undefined ? [] : [0, 50, 100]) {
    const params = { progressToken: progressToken as string | number, progress, total: 100 };
    await mcpReq.notify({ method: "notifications/progress", params });
  }
  return answer(String(progressToken ?? "no token"));
};

const askFor = (field: string, type: "string" | "boolean", message: string) =>
  inputRequired.elicit({
    message,
    requestedSchema: {
      type: "object",
      properties: { [field]: type === "string" ? { type: "string" } : { type: "boolean" } },
      required: [field],
    },
  });
const askModel = (text: string) =>
  inputRequired.createMessage({
    messages: [{ role: "user", content: { type: "text", text } }],
    maxTokens: 100,
  });

interface Sampled {
  content?: { text?: string };
}
interface Roots {
  roots?: { uri?: string }[];
}

/** Tools that need more input before they can answer: each call asks for what is still missing. */
const asking: Record<string, Tool> = {
  test_missing_capability: async ({ mcpReq }) =>
    mcpReq.inputResponses?.["llm_answer"] === undefined
      ? inputRequired({ inputRequests: { llm_answer: askModel("Reply with pong") } })
      : answer("sampled"),
  test_input_required_result_elicitation: async ({ mcpReq }) => {
    const name = acceptedContent<{ name: string }>(mcpReq.inputResponses, "user_name")?.name;
    return typeof name === "string"
      ? answer(`Hello, ${name}!`)
      : inputRequired({ inputRequests: { user_name: askFor("name", "string", "What is your name?") } });
  },
  test_input_required_result_sampling: async ({ mcpReq }) => {
    const sampled = mcpReq.inputResponses?.["capital_question"] as Sampled | undefined;
    return sampled === undefined
      ? inputRequired({ inputRequests: { capital_question: askModel("What is the capital of France?") } })
      : answer(`Sampling response: ${sampled.content?.text ?? ""}`);
  },
  test_input_required_result_list_roots: async ({ mcpReq }) => {
    const { roots } = (mcpReq.inputResponses?.["client_roots"] ?? {}) as Roots;
    return Array.isArray(roots)
      ? answer(`Roots: ${roots.map(({ uri }) => uri).join(", ")}`)
      : inputRequired({ inputRequests: { client_roots: inputRequired.listRoots() } });
  },
  test_input_required_result_request_state: async ({ mcpReq }) => {
    const isConfirmed = acceptedContent<{ ok: boolean }>(mcpReq.inputResponses, "confirm") !== undefined;
    if (!isConfirmed) return confirmWithState("request_state");
    if (mcpReq.requestState() !== undefined) return answer("state-ok: verified and confirmed");
    throw new ProtocolError(ProtocolErrorCode.InvalidParams, "requestState is missing");
  },
  test_input_required_result_tampered_state: async ({ mcpReq }) => {
    const isConfirmed = acceptedContent(mcpReq.inputResponses, "confirm") !== undefined;
    return isConfirmed && mcpReq.requestState() !== undefined
      ? answer("integrity-ok: verified")
      : confirmWithState("tampered_state");
  },
  test_input_required_result_multiple_inputs: async ({ mcpReq: { inputResponses } }) => {
    const name = acceptedContent<{ name: string }>(inputResponses, "user_name")?.name;
    const greeting = (inputResponses?.["greeting"] as Sampled | undefined)?.content?.text;
    const { roots } = (inputResponses?.["client_roots"] ?? {}) as Roots;
    if (typeof name === "string" && typeof greeting === "string" && Array.isArray(roots)) {
      return answer(`${greeting} ${name}, ${roots.length} roots`);
    }
    return inputRequired({
      inputRequests: {
        user_name: askFor("name", "string", "What is your name?"),
        greeting: askModel("Generate a greeting"),
        client_roots: inputRequired.listRoots(),
      },
      requestState: await states.mint({ tool: "multiple_inputs", nonce: randomUUID() }),
    });
  },
  test_input_required_result_multi_round: async ({ mcpReq }) => {
    const state = mcpReq.requestState<{ round?: number; name?: string }>();
    const round = state?.round ?? 0;
    if (round === 0) return nextRound(1, {}, askFor("name", "string", "Step 1: What is your name?"));
    if (round === 1) {
      const name = acceptedContent<{ name: string }>(mcpReq.inputResponses, "step1")?.name ?? "unknown";
      return nextRound(2, { name }, askFor("color", "string", "Step 2: What is your favorite color?"));
    }
    const color = acceptedContent<{ color: string }>(mcpReq.inputResponses, "step2")?.color ?? "unknown";
    return answer(`Multi-round complete: ${state?.name ?? "unknown"} likes ${color}`);
  },
  test_input_required_result_capabilities: async ({ mcpReq }) => {
    if (mcpReq.inputResponses !== undefined) return answer("fulfilled");
    const envelope: Record<string, unknown> = { ...mcpReq.envelope };
    const declared = envelope[CLIENT_CAPABILITIES_META_KEY] as ClientCapabilities | undefined;
    const inputRequests: InputRequests = {
      ...(declared?.elicitation === undefined ? {} : { user_name: askFor("name", "string", "Your name?") }),
      ...(declared?.sampling === undefined ? {} : { greeting: askModel("Generate a short greeting") }),
      ...(declared?.roots === undefined ? {} : { client_roots: inputRequired.listRoots() }),
    };
    return Object.keys(inputRequests).length === 0
      ? answer("the client can be asked nothing")
      : inputRequired({ inputRequests });
  },
};

async function confirmWithState(tool: string): Promise<InputRequiredResult> {
  return inputRequired({
    inputRequests: { confirm: askFor("ok", "boolean", "Please confirm") },
    requestState: await states.mint({ tool, nonce: randomUUID() }),
  });
}

async function nextRound(
  round: number,
  kept: object,
  ask: ReturnType<typeof askFor>,
): Promise<InputRequiredResult> {
  return inputRequired({
    inputRequests: { [`step${round}`]: ask },
    requestState: await states.mint({ ...kept, round, nonce: randomUUID() }),
  });
}

function serveResources(server: Server): void {
  server.setRequestHandler("resources/list", () => ({
    resources: resources.map(({ name, uri, content: { mimeType } }) => ({ name, uri, mimeType })),
  }));
  server.setRequestHandler("resources/templates/list", () => ({
    resourceTemplates: [{ name: template.name, uriTemplate: template.uriTemplate }],
  }));
  server.setRequestHandler("resources/read", ({ params: { uri } }) => {
    const id = /^test:\/\/template\/(\w+)\/data$/.exec(uri)?.[1];
    if (id !== undefined) return { contents: [template.content(uri, id)] };
    const found = resources.find((resource) => resource.uri === uri);
    if (found === undefined) throw new ResourceNotFoundError(uri);
    return { contents: [{ uri, ...found.content }] };
  });
}

const askingPrompt = "test_input_required_result_prompt";

function servePrompts(server: Server): void {
  server.setRequestHandler("prompts/list", () => ({
    prompts: [...prompts, { name: askingPrompt, arguments: [] }].map(({ name, arguments: names }) => ({
      name,
      description: `Fixture ${name}`,
      arguments: names.map((argument) => ({ name: argument, description: argument, required: true })),
    })),
  }));
  server.setRequestHandler("prompts/get", ({ params }, { mcpReq }): GetPromptResult | InputRequiredResult => {
    if (params.name === askingPrompt) return askPrompt(mcpReq.inputResponses);
    const prompt = prompts.find(({ name }) => name === params.name);
    if (prompt === undefined) {
      throw new ProtocolError(ProtocolErrorCode.InvalidParams, `Unknown prompt: ${params.name}`);
    }
    return { messages: prompt.messages(params.arguments ?? {}) };
  });
}

function askPrompt(responses: Record<string, unknown> | undefined): GetPromptResult | InputRequiredResult {
  const context = acceptedContent<{ context: string }>(responses, "user_context")?.context;
  if (typeof context !== "string") {
    return inputRequired({ inputRequests: { user_context: askFor("context", "string", "Which context?") } });
  }
  return { messages: [{ role: "user", content: { type: "text", text: `Use this context: ${context}` } }] };
}
