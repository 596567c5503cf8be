import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { closeServer } from "../../../api/http/listen.ts";
import { serve, type Served } from "../http/client.ts";
import { callerOf, createWorld, type World } from "../world.ts";

const thread = "01a1f95b-dbb8-7803-a45d-262b7fc6e133";

describe("the session that a call tells", () => {
  let world: World;
  let served: Served;
  let client: Client | undefined;

  beforeEach(async () => {
    world = await createWorld();
    served = await serve(world);
    const pat = callerOf(world, "pat", "operator");
    await world.call("register_agent", pat, { agent_id: "ann", kind: "codex", definition: {} });
    await world.call("register_runtime", pat, { agent_id: "ann", runtime_id: "rt-1", mode: "launch" });
    await world.settle();
  });

  afterEach(async () => {
    await client?.close();
    await closeServer(served.server, 1_000);
  });

  async function callAs(sessionId: string, meta: Record<string, unknown>, agentId = "ann"): Promise<void> {
    const request = { agentId, role: "participant", sessionId, lifetimeMs: 60_000 } as const;
    const { token } = await world.workspace.tokens.issue(request);
    client = new Client({ name: "codex-mcp-client", version: "0" });
    const transport = new StreamableHTTPClientTransport(new URL(`${served.url}/mcp`), {
      requestInit: { headers: { authorization: `Bearer ${token}` } },
    });
    await client.connect(transport);
    for (const name of ["list_threads", "list_threads"]) {
      const { isError } = await client.callTool({ name, arguments: {}, _meta: meta });
      expect(isError).toBeUndefined();
    }
  }

  const session = async () =>
    world.store.transaction(async (tx) => (await tx.getAgent("ann"))?.session ?? null, { readOnly: true });
  const heartbeats = async () =>
    (await world.audit()).filter(({ operation }) => operation === "heartbeat_session").length;

  test("is that of the launched runtime whose token it carries: noted once, like a heartbeat", async () => {
    await callAs("rt-1", { threadId: thread, sessionId: thread, callId: "c" });
    expect(await session()).toEqual({ sessionId: thread, host: "here", resumable: true });
    expect(await heartbeats()).toBe(1);
  });

  test.each<[string, string, object, string]>([
    ["of a program that we did not launch", "elsewhere", { threadId: thread }, "ann"],
    ["of another agent's token with that runtime's name", "rt-1", { threadId: thread }, "bob"],
    ["of a sub-agent", "rt-1", { threadId: thread, sessionId: "01a1f95b-0000" }, "ann"],
    ["with a name that no session has", "rt-1", { threadId: "--last; rm -rf /" }, "ann"],
    ["of a wrong shape", "rt-1", { threadId: { a: 1 } }, "ann"],
    ["without any", "rt-1", {}, "ann"],
  ])("%s is not noted, and the call goes on", async (_, sessionId, meta, agentId) => {
    await callAs(sessionId, { ...meta }, agentId);
    expect([await session(), await heartbeats()]).toEqual([null, 0]);
  });
});
