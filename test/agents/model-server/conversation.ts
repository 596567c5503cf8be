/** What a program asks of its model, whatever the dialect it speaks. */

export interface Utterance {
  role: "system" | "user" | "assistant" | "tool";
  text: string;
}

export interface OfferedTool {
  name: string;
  /** Codex groups the tools of an MCP server. */
  namespace?: string;
  /** Codex takes free text instead of arguments for some. */
  takesText?: boolean;
}

export interface Conversation {
  utterances: Utterance[];
  tools: OfferedTool[];
  /** How often the model has waited for its tools already. */
  waits?: number;
  /** As the program names it, where it does. */
  sessionId: string | null;
}

/** What the model answers, before it is put into a dialect. */
export interface Refusal {
  status: number;
  headers?: Record<string, string>;
  body: object;
  /** In place of `body`, for a dialect whose programs read another one. */
  bodies?: Readonly<Record<string, object>>;
}

export type Answer =
  | { say: string }
  | { call: OfferedTool; with: Record<string, unknown> }
  | { refuse: Refusal };

/** Claude Code starts before all tools are connected, and tells its model to look for them by this one. */
export const searchTool = "ToolSearch";

/** Either way of speaking that a stream of server-sent events has. */
export interface Line {
  /** Left out in dialects that only send data. */
  event?: string;
  data: object | "[DONE]";
}

export interface Dialect {
  name: "responses" | "chat" | "anthropic" | "gemini";
  read(body: Json, headers: Record<string, string | undefined>): Conversation;
  /** Sent at once, so that the program sees its turn run while the answer is thought over. */
  opening(model: string): Line[];
  stream(answer: Exclude<Answer, { refuse: object }>, model: string): Line[];
  /** For those who did not ask for a stream. */
  whole(answer: Exclude<Answer, { refuse: object }>, model: string): object;
}

/** A parsed body of a foreign program: read with care. */
export type Json = { readonly [key: string]: unknown };

export function listOf(value: unknown): Json[] {
  return Array.isArray(value) ? value.filter((item): item is Json => isObject(item)) : [];
}

export function textOf(value: unknown): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return value.map(textOf).join("\n");
  if (!isObject(value)) return "";
  return textOf(value["text"] ?? value["content"] ?? value["output"] ?? "");
}

export function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function stringOf(value: unknown): string | null {
  return typeof value === "string" && value !== "" ? value : null;
}
