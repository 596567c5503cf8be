import fc from "fast-check";
import type { Operation } from "../../api/operations/operation.ts";
import type { HttpAnswer, HttpCall } from "./http-client.ts";
import type { GeneratedInput } from "./inputs.ts";

export type Surface = "rest" | "mcp";

/** An answer of either surface. */
export type Verdict =
  | { type: "done"; result: Record<string, unknown> }
  | { type: "refused"; problem: Record<string, unknown> }
  /** MCP's own refusals of a message that no tool saw. */
  | { type: "protocol"; code: number }
  | { type: "unreadable"; why: string };

/** How the request around the input is bent. */
export type Envelope = "plain" | "twice" | "text" | "form" | "no-type" | "charset";

export const envelopes: fc.Arbitrary<Envelope> = fc.oneof(
  { weight: 12, arbitrary: fc.constant<Envelope>("plain") },
  { weight: 1, arbitrary: fc.constantFrom<Envelope>("twice", "text", "form", "no-type", "charset") },
);

const contentTypes: Readonly<Record<Envelope, string | null>> = {
  plain: "application/json",
  twice: "application/json",
  text: "text/plain",
  form: "application/x-www-form-urlencoded",
  "no-type": null,
  charset: "application/json; charset=utf-16",
};

export interface Attempt {
  operation: Operation;
  input: GeneratedInput;
  envelope: Envelope;
  token: string;
}

export function restCall({ operation, input, envelope, token }: Attempt): HttpCall {
  const { method, path: template } = operation.http;
  const inPath = new Set<string>();
  const path = template.replaceAll(/:(\w+)/g, (_whole, name: string) => {
    inPath.add(name);
    return encoded(name in input.fields ? input.fields[name] : "th-x");
  });
  const authorization = `Bearer ${token}`;
  if (method === "GET")
    return { method, path: path + query(input, inPath, envelope), headers: { authorization } };
  const type = contentTypes[envelope];
  const headers = { authorization, ...(type === null ? {} : { "content-type": type }) };
  return { method, path, headers, body: envelope === "twice" ? contradicting(input, inPath) : input.json };
}

export function mcpCall({ operation, input, envelope, token }: Attempt): HttpCall {
  const { name } = operation;
  const type = contentTypes[envelope];
  const head = `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":${JSON.stringify(name)},"arguments":`;
  return {
    method: "POST",
    path: "/mcp",
    headers: {
      authorization: `Bearer ${token}`,
      accept: "application/json, text/event-stream",
      ...(type === null ? {} : { "content-type": type }),
    },
    body: `${head}${input.json}}}`,
  };
}

export function restVerdict({ status, text, headers }: HttpAnswer): Verdict {
  const body = parsed(text);
  if (body === null)
    return { type: "unreadable", why: `status ${status}, no JSON object: ${text.slice(0, 80)}` };
  if (status === 200) return { type: "done", result: body };
  if (!String(headers["content-type"]).startsWith("application/problem+json")) {
    return { type: "unreadable", why: `status ${status} without problem details` };
  }
  if (body["status"] !== status)
    return { type: "unreadable", why: `status ${status} with ${String(body["status"])}` };
  return { type: "refused", problem: body };
}

/** The same questions are asked of a tool's answer; a refused request comes as problem details here too. */
export function mcpVerdict(answer: HttpAnswer): Verdict {
  const body = parsed(answer.text);
  const { result, error } = body ?? {};
  if (isObject(error) && typeof error["code"] === "number") return { type: "protocol", code: error["code"] };
  if (!isObject(result)) return answer.status === 200 ? unreadable(answer) : restVerdict(answer);
  const [content] = Array.isArray(result["content"]) ? (result["content"] as unknown[]) : [];
  const text = isObject(content) && typeof content["text"] === "string" ? parsed(content["text"]) : null;
  if (text === null) return unreadable(answer);
  if (result["isError"] !== true) return { type: "done", result: text };
  return isObject(text["error"]) ? { type: "refused", problem: text["error"] } : unreadable(answer);
}

function unreadable({ status, text }: HttpAnswer): Verdict {
  return { type: "unreadable", why: `status ${status}: ${text.slice(0, 200)}` };
}

/** The address says one thing, the body another. */
function contradicting({ fields, json }: GeneratedInput, inPath: ReadonlySet<string>): string {
  const [name] = inPath;
  return name === undefined ? json : JSON.stringify({ ...fields, [name]: "other-1" });
}

function query({ fields }: GeneratedInput, inPath: ReadonlySet<string>, envelope: Envelope): string {
  const pairs = Object.entries(fields)
    .filter(([name]) => !inPath.has(name))
    .flatMap(([name, value]) => {
      const pair = `${encoded(name)}=${encoded(value)}`;
      return envelope === "twice" ? [pair, pair] : [pair];
    });
  if (envelope === "charset") pairs.push("x=%ff%fe%ed%a0%80", "%zz");
  return pairs.length === 0 ? "" : `?${pairs.join("&")}`;
}

/** Long values stay below what a request line may hold. */
function encoded(value: unknown): string {
  const text = typeof value === "string" ? value : JSON.stringify(value);
  return encodeURIComponent(text.slice(0, 1_000).toWellFormed());
}

function parsed(text: string): Record<string, unknown> | null {
  try {
    const value = JSON.parse(text) as unknown;
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
