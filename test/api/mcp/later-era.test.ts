import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { closeServer } from "../../../api/http/listen.ts";
import { serve, type Served } from "../http/client.ts";
import { callerOf, createWorld, type World } from "../world.ts";

describe("MCP of revision 2026-07-28, by its official client", () => {
  let world: World;
  let served: Served;
  const clients: Client[] = [];

  beforeEach(async () => {
    world = await createWorld();
    served = await serve(world);
    await world.call("create_thread", callerOf(world, "ann"), {
      thread_id: "th-1",
      title: "Review",
      participants: ["bob"],
    });
  });
  afterEach(async () => {
    for (const client of clients.splice(0)) await client.close();
    await closeServer(served.server, 1_000);
  });

  async function connect(agentId: string): Promise<Client> {
    const client = new Client({ name: "test", version: "0" }, { versionNegotiation: { mode: "auto" } });
    const headers = { authorization: `Bearer ${await served.token(agentId)}` };
    await client.connect(
      new StreamableHTTPClientTransport(new URL(`${served.url}/mcp`), { requestInit: { headers } }),
    );
    clients.push(client);
    return client;
  }

  const post = (body: string) =>
    world.call("post_message", callerOf(world, "ann"), { thread_id: "th-1", body });

  test("the same tools and resources are served, with the same answers", async () => {
    const bob = await connect("bob");
    expect(bob.getNegotiatedProtocolVersion()).toBe("2026-07-28");
    expect((await bob.listTools()).tools.map(({ name }) => name)).toContain("read_messages");
    await post("Please look");
    const read = await bob.callTool({ name: "read_messages", arguments: { thread_id: "th-1" } });
    expect(read.structuredContent).toMatchObject({ messages: [{ author: "ann", body: "Please look" }] });
    expect((await bob.listResources()).resources).toMatchObject([{ uri: "thread://th-1", title: "Review" }]);
  });

  test("a refusal is an answer, an unknown tool and a thread of others are errors of the protocol", async () => {
    const zoe = await connect("zoe");
    const refused = await zoe.callTool({ name: "get_thread", arguments: { thread_id: "th-1" } });
    expect(refused).toMatchObject({ isError: true });
    await expect(zoe.callTool({ name: "no_such_tool" })).rejects.toMatchObject({ code: -32_602 });
    await expect(zoe.readResource({ uri: "thread://th-1" })).rejects.toMatchObject({ code: -32_602 });
  });

  test("a subscription tells of new messages in threads one may see, and of no others", async () => {
    const bob = await connect("bob");
    const zoe = await connect("zoe");
    const heard: string[] = [];
    const next = Promise.withResolvers<void>();
    const listen = async (client: Client, name: string, told: () => void) => {
      client.setNotificationHandler("notifications/resources/updated", ({ params }) => {
        heard.push(`${name} ${params.uri}`);
        told();
      });
      return client.listen({ resourceSubscriptions: ["thread://th-1"] });
    };
    const first = Promise.withResolvers<void>();
    await listen(zoe, "zoe", () => {});
    await listen(bob, "bob", () => (heard.length < 2 ? first.resolve() : next.resolve()));
    await first.promise;
    await post("Anybody there?");
    await next.promise;
    expect(heard).toEqual(["bob thread://th-1", "bob thread://th-1"]);
  });

  test("a subscription ends with its token", async () => {
    const bob = await connect("bob");
    const subscription = await bob.listen({ resourceSubscriptions: ["thread://th-1"] });
    await world.call("revoke_tokens_of", callerOf(world, "pat", "operator"), {
      agent_id: "bob",
      reason: "test",
    });
    await world.clock.advance(5_000);
    expect(await subscription.closed).toBe("graceful");
  });
});
