/** Messages of the protocol, as far as a proxy has to understand them. */
export interface Message {
  jsonrpc: "2.0";
  id?: string | number | null;
  method?: string;
  params?: Record<string, unknown>;
  result?: unknown;
  error?: unknown;
}

export type Id = string | number;

export interface Failure {
  code: string;
  message: string;
  next_step: string | null;
  retryable: boolean;
}

/** Null for what is no message. */
export function parseMessage(text: string): Message | null {
  try {
    const value = JSON.parse(text) as unknown;
    const isMessage = typeof value === "object" && value !== null && !Array.isArray(value);
    return isMessage && "jsonrpc" in value && value.jsonrpc === "2.0" ? (value as Message) : null;
  } catch {
    return null;
  }
}

/** The revision that a message names itself, as all do since 2026-07-28. */
export function namedRevision({ params }: Message): string | null {
  const meta = params?.["_meta"];
  if (typeof meta !== "object" || meta === null) return null;
  const revision = (meta as Record<string, unknown>)["io.modelcontextprotocol/protocolVersion"];
  return typeof revision === "string" ? revision : null;
}

/** Headers that must agree with the body, so that a gateway need not read it. */
export function routingHeaders(message: Message, agreedRevision: string | null): Record<string, string> {
  const revision = namedRevision(message);
  if (revision === null) return agreedRevision === null ? {} : { "mcp-protocol-version": agreedRevision };
  const name = message.params?.["name"] ?? message.params?.["uri"];
  return {
    "mcp-protocol-version": revision,
    "mcp-method": message.method ?? "",
    ...(typeof name === "string" ? { "mcp-name": headerValue(name) } : {}),
  };
}

/** What a header cannot carry goes as Base64, marked as the protocol says. */
function headerValue(text: string): string {
  return /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(text) && !text.startsWith("=?base64?")
    ? text
    : `=?base64?${Buffer.from(text).toString("base64")}?=`;
}

/** A failed tool call is an answer that the model reads; everything else fails in the protocol. */
export function failedAnswer(request: Message & { id: Id }, failure: Failure): Message {
  const { id, method } = request;
  if (method !== "tools/call") {
    const { message, ...data } = failure;
    return { jsonrpc: "2.0", id, error: { code: -32_000, message, data } };
  }
  const resultType = namedRevision(request) === null ? {} : { resultType: "complete" };
  const content = [{ type: "text", text: JSON.stringify({ error: failure }) }];
  return { jsonrpc: "2.0", id, result: { ...resultType, isError: true, content } };
}
