import { noteUnknownCall } from "../auth/unknown-calls.ts";
import { mayWait, whileGood } from "../auth/while-good.ts";
import { getOperation } from "../operations/list.ts";
import { problemOf, statusOf } from "../operations/problem.ts";
import { runOperation, type OperationResult } from "../operations/run-operation.ts";
import { boundedAnswer, type Answer } from "./bounded-answer.ts";
import { ProtocolFailure } from "./protocol-failure.ts";
import type { McpRequest, OnError } from "./request.ts";
import { noteToldSession } from "./told-session.ts";

/** A tool's answer, in no era's types. */
export interface ToolAnswer {
  content: { type: "text"; text: string }[];
  structuredContent?: OperationResult;
  isError?: true;
  /** The protocol's results are open to more. */
  [key: string]: unknown;
}

export interface ToolCall {
  name: string;
  input: Record<string, unknown>;
  /** What the client said about its call, of any shape. */
  meta?: unknown;
}

/** Refusals are answers, so that the model reads them. Throws `ProtocolFailure` for a tool that does not exist. */
export async function callTool(
  request: McpRequest,
  { name, input, meta }: ToolCall,
  onError: OnError,
): Promise<ToolAnswer> {
  const operation = getOperation(name);
  const { caller, workspace, requestId } = request;
  if (operation === null) {
    await noteUnknownCall(request, { operation: "mcp", name, requestId });
    throw new ProtocolFailure("invalid_params", `Unknown tool: ${name}`);
  }
  await noteToldSession(request, meta).catch((error: unknown) => onError("session told by a call", error));
  const wanted = { ...operation.modelDefaults, ...input };
  const answer = (ending: { signal?: AbortSignal }): Promise<Answer> =>
    boundedAnswer(operation, wanted, (now) =>
      runOperation({ operation, caller, workspace, input: now, requestId, ...ending }),
    );
  try {
    const isLong = mayWait(input);
    const { result, text } = await (isLong ? whileGood(request, request.cancelled(), answer) : answer({}));
    // Both carry all of it: clients show the model only one of them.
    return { content: [{ type: "text", text }], structuredContent: result };
  } catch (error) {
    const problem = problemOf(error, requestId);
    if (statusOf(problem) >= 500) onError(`tool ${name} (request ${requestId})`, error);
    return { isError: true, content: [{ type: "text", text: JSON.stringify({ error: problem }) }] };
  }
}
