import { z } from "zod";
import type { Finding } from "../../../adapters/agents/host.ts";
import type { Connection } from "../connection.ts";
import { failureOf } from "../failure.ts";
import type { Invocation } from "../invocation.ts";
import { refusal } from "../mcp/node-link.ts";

const answersWithinMs = 10_000;
/** Far more than the tools of an operator need. */
const mostBytes = 1_048_576;

const listing = z.object({ result: z.object({ tools: z.array(z.unknown()) }) });

/** Whether the caller's token gets tools from the node's MCP endpoint. */
export async function endpointFinding(invocation: Invocation): Promise<Finding> {
  try {
    const { connection } = invocation;
    const tools = await countTools(connection);
    if (typeof tools !== "number") return tools;
    return { status: "ok", text: `The node at ${connection.url} gives you ${tools} tools over MCP.` };
  } catch (error) {
    const { message, next_step } = failureOf(error);
    return failed(message, next_step);
  }
}

async function countTools({ url, token }: Connection): Promise<number | Finding> {
  const response = await ask(url, token);
  if (response === null) return failed(`no node answers at ${url}`, "Run rouse up.");
  if (!response.ok) {
    const { message, next_step } = await refusal(response);
    return failed(message, next_step);
  }
  const parsed = listing.safeParse(jsonOf(await boundedText(response)));
  if (parsed.success) return parsed.data.result.tools.length;
  return failed(`what answers at ${url} is no node of Rouse`, "Check the address.");
}

async function ask(url: string, token: string): Promise<Response | null> {
  try {
    return await fetch(`${url}/mcp`, {
      method: "POST",
      body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/list" }),
      signal: AbortSignal.timeout(answersWithinMs),
      headers: {
        authorization: `Bearer ${token}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
    });
  } catch {
    return null;
  }
}

/** Empty for what is longer than any answer of ours. */
async function boundedText({ body }: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  if (body === null) return "";
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    bytes += chunk.length;
    if (bytes > mostBytes) return "";
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}

function failed(message: string, nextStep: string | null): Finding {
  const text = `Our tools cannot be had: ${message}.`;
  return { status: "fail", text, nextStep: nextStep ?? "See rouse status." };
}
