import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { closeServer } from "../../../api/http/listen.ts";
import type { Role } from "../../../machines/roles.ts";
import { serve, type Served } from "../http/client.ts";
import { createWorld, type World } from "../world.ts";

describe("MCP", () => {
  let world: World;
  let served: Served;
  const clients: Client[] = [];

  beforeEach(async () => {
    world = await createWorld();
    served = await serve(world);
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    await closeServer(served.server, 1_000);
  });

  async function connect(agentId: string, role: Role = "participant"): Promise<Client> {
    const client = new Client({ name: "test", version: "0" });
    const headers = { authorization: `Bearer ${await served.token(agentId, role)}` };
    const transport = new StreamableHTTPClientTransport(new URL(`${served.url}/mcp`), {
      requestInit: { headers },
    });
    await client.connect(transport);
    clients.push(client);
    return client;
  }

  const textOf = (result: unknown): Record<string, unknown> => {
    const { content } = result as { content: { text: string }[] };
    return JSON.parse(content[0]?.text ?? "") as Record<string, unknown>;
  };

  test("a participant sees the ten thread tools, others more as far as they may", async () => {
    const names = async (role: Role) =>
      (await (await connect("ann", role)).listTools()).tools.map(({ name }) => name);
    expect(await names("participant")).toEqual([
      "create_thread",
      "get_thread",
      "list_threads",
      "post_message",
      "read_messages",
      "ack_read",
      "update_thread_status",
      "summarize_thread",
      "heartbeat_session",
      "trigger_participant",
    ]);
    expect(await names("coordinator")).toEqual(expect.arrayContaining(["pause_injection", "explain"]));
    expect(await names("coordinator")).not.toContain("issue_token");
    expect(await names("auditor")).not.toContain("post_message");
    expect(await names("operator")).toContain("issue_token");
  });

  test("every tool states what it does to the world, and describes an object both ways", async () => {
    const { tools } = await (await connect("pat", "operator")).listTools();
    for (const tool of tools) {
      expect(tool.annotations).toMatchObject({
        readOnlyHint: expect.any(Boolean) as boolean,
        openWorldHint: false,
      });
      expect([tool.inputSchema.type, tool.outputSchema?.type]).toEqual(["object", "object"]);
      expect(tool.outputSchema?.["additionalProperties"]).toBeUndefined();
      expect(tool.description?.length).toBeLessThan(420);
    }
    const of = (name: string) => tools.find((tool) => tool.name === name)?.annotations;
    expect(of("read_messages")).toMatchObject({ readOnlyHint: true, idempotentHint: true });
    expect(of("post_message")).toMatchObject({
      readOnlyHint: false,
      idempotentHint: false,
      destructiveHint: false,
    });
    expect(of("deregister_runtime")).toMatchObject({ destructiveHint: true });
  });

  test.each([
    ["participant", 9_000],
    ["coordinator", 23_000],
    ["auditor", 17_000],
    ["operator", 40_000],
  ] as const)("the tools of a %s cost a model at most %i characters", async (role, most) => {
    const { tools } = await (await connect("ann", role)).listTools();
    const shown = tools.map(({ name, description, inputSchema }) => ({ name, description, inputSchema }));
    expect(JSON.stringify(shown).length).toBeLessThan(most);
  });

  test("a call answers the same complete data as structure and as text", async () => {
    const ann = await connect("ann");
    const created = await ann.callTool({
      name: "create_thread",
      arguments: { title: "Review", thread_id: "th-1" },
    });
    expect(created.isError).toBeUndefined();
    expect(created.structuredContent).toMatchObject({ schema_version: 1, thread: { thread_id: "th-1" } });
    expect(textOf(created)).toEqual(created.structuredContent);
  });

  test("the whole tool set of a participant passes the client's own check of output schemas", async () => {
    const ann = await connect("ann");
    const bob = await connect("bob");
    await ann.listTools();
    await bob.listTools();
    const call = async (client: Client, name: string, input: object) => {
      const result = await client.callTool({ name, arguments: { ...input } });
      expect([name, result.isError]).toEqual([name, undefined]);
      return result.structuredContent;
    };
    const thread_id = "th-1";
    await call(ann, "create_thread", { thread_id, title: "Review", participants: ["bob"] });
    await call(ann, "post_message", { thread_id, body: "Please look", kind: "question", to: ["bob"] });
    await call(bob, "heartbeat_session", { session_id: "abc" });
    await call(bob, "list_threads", {});
    await call(bob, "get_thread", { thread_id });
    expect(await call(bob, "read_messages", { thread_id })).toMatchObject({
      messages: [{ author: "ann", untrusted: true, to: ["bob"] }],
    });
    await call(bob, "ack_read", { thread_id, seq: 1 });
    await call(bob, "summarize_thread", { thread_id });
    await call(bob, "update_thread_status", { thread_id, status: "resolved" });
    await call(bob, "trigger_participant", { thread_id, agent_id: "ann" });
  });

  test("a refusal is an error result with code, message, retryable and next step", async () => {
    const ann = await connect("ann");
    const result = await ann.callTool({ name: "get_thread", arguments: { thread_id: "th-0" } });
    expect(result.isError).toBe(true);
    expect(textOf(result)).toMatchObject({
      error: {
        code: "thread_not_found",
        message: "there is no thread th-0",
        retryable: false,
        next_step: "List the threads to find its id.",
        request_id: expect.any(String) as string,
      },
    });
    expect(
      textOf(await ann.callTool({ name: "post_message", arguments: { thread_id: "th-1" } })),
    ).toMatchObject({
      error: { code: "invalid_input", message: expect.stringContaining("body") as string },
    });
    expect(textOf(await ann.callTool({ name: "issue_token", arguments: {} }))).toMatchObject({
      error: { code: "forbidden" },
    });
  });

  test("an unknown tool is an error of the protocol", async () => {
    const ann = await connect("ann");
    await expect(ann.callTool({ name: "no_such_tool" })).rejects.toMatchObject({ code: -32_602 });
  });

  test("a payload's claim to be somebody else is refused", async () => {
    const ann = await connect("ann");
    await ann.callTool({ name: "create_thread", arguments: { title: "Review", thread_id: "th-1" } });
    const result = await ann.callTool({
      name: "post_message",
      arguments: { thread_id: "th-1", body: "x", author: "bob" },
    });
    expect(textOf(result)).toMatchObject({ error: { code: "identity_mismatch" } });
  });

  test("GET and DELETE answer 405, a call without a token 401, both without a session", async () => {
    const authorization = `Bearer ${await served.token("ann")}`;
    for (const method of ["GET", "DELETE"]) {
      const response = await fetch(`${served.url}/mcp`, { method, headers: { authorization } });
      expect([response.status, response.headers.get("allow")]).toEqual([405, "POST"]);
    }
    const response = await fetch(`${served.url}/mcp`, { method: "POST", body: "{}" });
    expect([response.status, response.headers.get("mcp-session-id")]).toEqual([401, null]);
  });

  test("no state is kept between calls: a call needs no greeting before", async () => {
    const response = await fetch(`${served.url}/mcp`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${await served.token("ann")}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify({ jsonrpc: "2.0", id: 7, method: "tools/call", params: { name: "list_threads" } }),
    });
    expect(await response.json()).toMatchObject({ id: 7, result: { structuredContent: { threads: [] } } });
  });

  test("a malformed message is refused by the protocol, not by us", async () => {
    const response = await fetch(`${served.url}/mcp`, {
      method: "POST",
      headers: {
        authorization: `Bearer ${await served.token("ann")}`,
        "content-type": "application/json",
        accept: "application/json, text/event-stream",
      },
      body: JSON.stringify({ hello: "there" }),
    });
    expect(response.status).toBe(400);
    expect(served.failures).toEqual([]);
  });
});
