import { randomUUID } from "node:crypto";
import { type Conversation, type Dialect, type Json, type Line, type Utterance } from "./conversation.ts";
import { isObject, listOf, searchTool, stringOf, textOf } from "./conversation.ts";

/** Anthropic's Messages API, which Claude Code speaks. */
export const anthropic: Dialect = {
  name: "anthropic",
  read(body): Conversation {
    const messages = listOf(body["messages"]);
    const waits = searchesIn(messages);
    return {
      waits: waits.size,
      utterances: messages.flatMap((message) => utterancesOf(message, waits)),
      tools: listOf(body["tools"]).map((tool) => ({ name: stringOf(tool["name"]) ?? "" })),
      sessionId: sessionOf(body["metadata"]),
    };
  },
  opening: (model) => [event("message_start", { message: { ...message(model), usage } })],
  stream(answer) {
    const stop_reason = "say" in answer ? "end_turn" : "tool_use";
    const delta =
      "say" in answer
        ? { type: "text_delta", text: answer.say }
        : { type: "input_json_delta", partial_json: JSON.stringify(answer.with) };
    const content_block = "say" in answer ? { type: "text", text: "" } : toolUse(answer, {});
    return [
      event("content_block_start", { index: 0, content_block }),
      event("content_block_delta", { index: 0, delta }),
      event("content_block_stop", { index: 0 }),
      event("message_delta", { delta: { stop_reason, stop_sequence: null }, usage: { output_tokens: 5 } }),
      event("message_stop", {}),
    ];
  },
  whole(answer, model) {
    const content = "say" in answer ? { type: "text", text: answer.say } : toolUse(answer, answer.with);
    const stop_reason = "say" in answer ? "end_turn" : "tool_use";
    return { ...message(model), content: [content], stop_reason, usage };
  },
};

const usage = {
  ...{ input_tokens: 10, output_tokens: 5 },
  ...{ cache_creation_input_tokens: 0, cache_read_input_tokens: 0 },
};

function message(model: string): object {
  const id = newId("msg");
  return {
    id,
    type: "message",
    role: "assistant",
    model,
    content: [],
    stop_reason: null,
    stop_sequence: null,
  };
}

function toolUse(answer: { call: { name: string } }, input: object): object {
  return { type: "tool_use", id: newId("toolu"), name: answer.call.name, input };
}

/** A message may hold answers of tools and, beside them, what a person said meanwhile. */
function utterancesOf(entry: Json, waits: ReadonlySet<string>): Utterance[] {
  const { role: said, content } = entry;
  // What the program tells of its surroundings stands among the messages, too.
  const role = said === "assistant" || said === "user" ? said : "system";
  const parts = typeof content === "string" ? [{ type: "text", text: content }] : listOf(content);
  return parts.flatMap((part): Utterance[] => {
    if (part["type"] === "tool_result") {
      const isWait = waits.has(stringOf(part["tool_use_id"]) ?? "");
      return isWait ? [] : [{ role: "tool", text: textOf(part["content"]) }];
    }
    const text = withoutReminders(textOf(part["text"]));
    return part["type"] !== "text" || text === "" || text === searchDone ? [] : [{ role, text }];
  });
}

/** Said by the program, in the user's place, when a search has found something. */
const searchDone = "Tool loaded.";

/** Uses of the tool that waits for other tools: after them the model stands where it stood. */
function searchesIn(messages: readonly Json[]): Set<string> {
  const parts = messages.flatMap(({ content }) => listOf(content));
  const searches = parts.filter(({ type, name }) => type === "tool_use" && name === searchTool);
  return new Set(searches.map(({ id }) => stringOf(id) ?? ""));
}

/** What the program itself slips into a person's words. */
function withoutReminders(text: string): string {
  return text.replaceAll(/<system-reminder>[\s\S]*?<\/system-reminder>/g, "").trim();
}

function sessionOf(metadata: unknown): string | null {
  const user = isObject(metadata) ? stringOf(metadata["user_id"]) : null;
  return /session_(?:id":")?([0-9a-f-]{36})/.exec(user ?? "")?.[1] ?? user;
}

function event(type: string, rest: object): Line {
  return { event: type, data: { type, ...rest } };
}

function newId(prefix: string): string {
  return `${prefix}_${randomUUID().replaceAll("-", "").slice(0, 24)}`;
}
