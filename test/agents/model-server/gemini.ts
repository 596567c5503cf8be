import type { Conversation, Dialect, Json, Line, Utterance } from "./conversation.ts";
import { isObject, listOf, stringOf, textOf } from "./conversation.ts";

/** Google's generateContent. */
export const gemini: Dialect = {
  name: "gemini",
  read(body): Conversation {
    const declared = listOf(body["tools"]).flatMap((tool) => listOf(tool["functionDeclarations"]));
    return {
      utterances: listOf(body["contents"]).flatMap(utterancesOf),
      tools: declared.map((tool) => ({ name: stringOf(tool["name"]) ?? "" })),
      sessionId: null,
    };
  },
  opening: () => [],
  stream: (answer, model): Line[] => [{ data: gemini.whole(answer, model) }],
  whole(answer, modelVersion) {
    const part =
      "say" in answer
        ? { text: answer.say }
        : { functionCall: { name: answer.call.name, args: answer.with } };
    const candidate = { index: 0, content: { role: "model", parts: [part] }, finishReason: "STOP" };
    const usageMetadata = { promptTokenCount: 10, candidatesTokenCount: 5, totalTokenCount: 15 };
    return { candidates: [candidate], usageMetadata, modelVersion };
  },
};

function utterancesOf(content: Json): Utterance[] {
  const role = content["role"] === "model" ? "assistant" : "user";
  return listOf(content["parts"]).flatMap((part): Utterance[] => {
    const answered = part["functionResponse"];
    if (isObject(answered)) return [{ role: "tool", text: JSON.stringify(answered["response"] ?? "") }];
    const text = textOf(part["text"]);
    return text === "" ? [] : [{ role, text }];
  });
}
