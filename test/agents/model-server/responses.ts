import { randomUUID } from "node:crypto";
import { type Conversation, type Dialect, type Json, type Line, type OfferedTool } from "./conversation.ts";
import { listOf, stringOf, textOf } from "./conversation.ts";

/** OpenAI's Responses API, which Codex speaks. */
export const responses: Dialect = {
  name: "responses",
  read(body, headers): Conversation {
    const items =
      typeof body["input"] === "string" ? [{ role: "user", content: body["input"] }] : listOf(body["input"]);
    const more = items.flatMap((item) => (item["type"] === "additional_tools" ? listOf(item["tools"]) : []));
    return {
      utterances: items.flatMap(utterance),
      tools: [...listOf(body["tools"]), ...more].flatMap((tool) => offered(tool)),
      sessionId: stringOf(body["prompt_cache_key"]) ?? headers["session_id"] ?? null,
    };
  },
  // Codex shows that it works as soon as it has sent its request.
  opening: () => [],
  stream(answer, model) {
    const base = { id: newId("resp"), object: "response", created_at: 0, model, output: [] as object[] };
    const item = itemOf(answer);
    const running = { ...base, status: "in_progress" };
    const events: [string, object][] = [
      ["response.created", { response: running }],
      ["response.output_item.added", { output_index: 0, item: { ...item, ...begun(answer) } }],
      ...("say" in answer
        ? ([["response.output_text.delta", textDelta(item.id, answer.say)]] as [string, object][])
        : []),
      ["response.output_item.done", { output_index: 0, item }],
      ["response.completed", { response: completed(base, item) }],
    ];
    return events.map(([type, rest], index): Line => ({
      event: type,
      data: { type, sequence_number: index, ...rest },
    }));
  },
  whole: (answer, model) =>
    completed({ id: newId("resp"), object: "response", created_at: 0, model }, itemOf(answer)),
};

function utterance(item: Json): Conversation["utterances"] {
  const type = stringOf(item["type"]) ?? "message";
  if (type.endsWith("_output")) return [{ role: "tool", text: textOf(item["output"]) }];
  if (type !== "message") return [];
  const role = item["role"] === "assistant" ? "assistant" : item["role"] === "user" ? "user" : "system";
  return [{ role, text: textOf(item["content"]) }];
}

function offered(tool: Json, namespace?: string): OfferedTool[] {
  const name = stringOf(tool["name"]) ?? stringOf(tool["type"]) ?? "";
  if (tool["type"] === "namespace") return listOf(tool["tools"]).flatMap((inner) => offered(inner, name));
  const takesText = tool["type"] === "custom";
  return [{ name, ...(namespace === undefined ? {} : { namespace }), ...(takesText ? { takesText } : {}) }];
}

type Spoken = Parameters<Dialect["stream"]>[0];

function itemOf(answer: Spoken): { id: string } & Json {
  if ("say" in answer) {
    const content = [{ type: "output_text", text: answer.say, annotations: [] }];
    return { id: newId("msg"), type: "message", role: "assistant", status: "completed", content };
  }
  const { name, namespace, takesText = false } = answer.call;
  const call = { id: newId("fc"), call_id: newId("call"), name, status: "completed" };
  if (takesText) return { ...call, type: "custom_tool_call", input: stringOf(answer.with["input"]) ?? "" };
  const where = namespace === undefined ? {} : { namespace };
  return { ...call, ...where, type: "function_call", arguments: JSON.stringify(answer.with) };
}

/** An item as it is announced: still without its content. */
function begun(answer: Spoken): object {
  return { status: "in_progress", ...("say" in answer ? { content: [] } : { arguments: "" }) };
}

function textDelta(itemId: string, delta: string): object {
  return { item_id: itemId, output_index: 0, content_index: 0, delta };
}

function completed(base: object, item: object): object {
  const usage = {
    ...{ input_tokens: 10, output_tokens: 5, total_tokens: 15 },
    input_tokens_details: { cached_tokens: 0 },
    output_tokens_details: { reasoning_tokens: 0 },
  };
  return { ...base, status: "completed", output: [item], usage };
}

function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll("-", "")}`;
}
