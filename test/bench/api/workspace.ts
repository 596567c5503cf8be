import type { NodeUnderTest } from "../node-process.ts";
import { written, type Sent } from "./http-load.ts";

/** A thread and agents in it, and the calls about it as bytes. */
export interface BenchWorkspace {
  threads: readonly string[];
  token: string;
  /** Tokens of agents that read. */
  readers: readonly { agentId: string; token: string }[];
}

export async function openWorkspace(
  node: NodeUnderTest,
  { threads, readers }: { threads: number; readers: number },
): Promise<BenchWorkspace> {
  const issue = async (agentId: string, role = "participant"): Promise<string> => {
    const { token } = await node.call<{ token: string }>("POST", "/v1/tokens", { agent_id: agentId, role });
    return token;
  };
  const agents = Array.from({ length: readers }, (_, index) => `reader-${index}`);
  const ids = Array.from({ length: threads }, (_, index) => `th-${index}`);
  for (const id of ids) {
    // The first is the hot one: everybody reads there.
    const participants = ["writer", "other", ...(id === "th-0" ? agents : [])];
    await node.call("POST", "/v1/threads", {
      thread_id: id,
      title: id,
      participants: participants.slice(0, 50),
    });
  }
  return {
    threads: ids,
    token: await issue("writer"),
    readers: await Promise.all(
      agents.slice(0, 48).map(async (agentId) => ({ agentId, token: await issue(agentId) })),
    ),
  };
}

/** Says something new each time, to one agent: repetition would be taken for going in circles. */
export function message(index: number): { body: string; to: string[] } {
  return {
    body: `Result ${index}: part ${index} of the work is done and its tests pass, see commit ${index}.`,
    to: ["other"],
  };
}

export function restPost(token: string, thread: string, index: number): string {
  return written({ method: "POST", path: `/v1/threads/${thread}/messages`, token, body: message(index) });
}

export function mcpPost(token: string, thread: string, index: number): string {
  const params = { name: "post_message", arguments: { thread_id: thread, ...message(index) } };
  return written({
    ...{ method: "POST", path: "/mcp", token },
    headers: { Accept: "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25" },
    body: { jsonrpc: "2.0", id: index, method: "tools/call", params },
  });
}

export function plainPost(thread: string, index: number): string {
  return written({ method: "POST", path: "/rows", body: { thread_id: thread, ...message(index) } });
}

export function requireOk({ status, body }: Sent): void {
  if (status !== 200 || body.includes('"isError":true') || body.includes('"error":{')) {
    throw new Error(`a call was answered ${status}: ${body.slice(0, 300)}`);
  }
}
