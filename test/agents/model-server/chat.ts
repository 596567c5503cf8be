import { randomUUID } from "node:crypto";
import type { Conversation, Dialect, Json, Line, Utterance } from "./conversation.ts";
import { isObject, listOf, stringOf, textOf } from "./conversation.ts";

/** OpenAI's chat completions, which opencode speaks. */
export const chat: Dialect = {
  name: "chat",
  read(body): Conversation {
    return {
      utterances: listOf(body["messages"]).map(utterance),
      tools: listOf(body["tools"]).map((tool) => {
        return { name: (isObject(tool["function"]) ? stringOf(tool["function"]["name"]) : null) ?? "" };
      }),
      sessionId: null,
    };
  },
  opening: (model) => [chunk(model, { role: "assistant", content: "" })],
  stream(answer, model) {
    const delta = "say" in answer ? { content: answer.say } : { tool_calls: [{ index: 0, ...call(answer) }] };
    const end = "say" in answer ? "stop" : "tool_calls";
    return [chunk(model, delta), chunk(model, {}, end), { data: "[DONE]" }];
  },
  whole(answer, model) {
    const message =
      "say" in answer
        ? { role: "assistant", content: answer.say }
        : { role: "assistant", content: null, tool_calls: [call(answer)] };
    const finish_reason = "say" in answer ? "stop" : "tool_calls";
    return { ...base(model, "chat.completion"), choices: [{ index: 0, message, finish_reason }], usage };
  },
};

const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };

function utterance(message: Json): Utterance {
  const role = message["role"];
  const known = role === "user" || role === "assistant" || role === "tool" ? role : "system";
  return { role: known, text: textOf(message["content"]) };
}

function call(answer: { call: { name: string }; with: object }): object {
  const { name } = answer.call;
  return { id: randomUUID(), type: "function", function: { name, arguments: JSON.stringify(answer.with) } };
}

function base(model: string, object: string): object {
  return { id: randomUUID(), object, created: 0, model };
}

function chunk(model: string, delta: object, finish_reason: string | null = null): Line {
  const choices = [{ index: 0, delta, finish_reason }];
  return {
    data: { ...base(model, "chat.completion.chunk"), choices, ...(finish_reason === null ? {} : { usage }) },
  };
}
