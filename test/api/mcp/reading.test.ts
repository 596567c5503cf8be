import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { closeServer } from "../../../api/http/listen.ts";
import { answerBytes } from "../../../api/mcp/bounded-answer.ts";
import { until } from "../../network/until.ts";
import { serve, type Served } from "../http/client.ts";
import { callerOf, createWorld, type World } from "../world.ts";

interface Read {
  messages: {
    seq: number;
    body: string;
    body_bytes: number;
    body_cursor: string | null;
    untrusted: boolean;
  }[];
  next_cursor: string | null;
  has_more: boolean;
}

describe("what a model reads by MCP", () => {
  let world: World;
  let served: Served;
  let bob: Client;

  beforeEach(async () => {
    world = await createWorld();
    served = await serve(world);
    const ann = callerOf(world, "ann");
    await world.call("create_thread", ann, { thread_id: "th-1", title: "Review", participants: ["bob"] });
    bob = new Client({ name: "test", version: "0" });
    const headers = { authorization: `Bearer ${await served.token("bob")}` };
    await bob.connect(
      new StreamableHTTPClientTransport(new URL(`${served.url}/mcp`), { requestInit: { headers } }),
    );
  });
  afterEach(async () => {
    await bob.close();
    await closeServer(served.server, 1_000);
  });

  const post = (body: string) =>
    world.call("post_message", callerOf(world, "ann"), { thread_id: "th-1", body });
  const read = async (input: object = {}): Promise<Read> => {
    const result = await bob.callTool({
      name: "read_messages",
      arguments: { thread_id: "th-1", ...input },
    });
    expect(result.isError).toBeUndefined();
    const { content } = result as { content: { text: string }[] };
    expect(JSON.parse(content[0]?.text ?? "")).toEqual(result.structuredContent);
    return result.structuredContent as Read;
  };

  test("a long body comes as a preview, and its cursor leads through the rest, byte by byte the same", async () => {
    const body = "añ€😀".repeat(6_000);
    await post(body);
    await post("short");
    const page = await read();
    expect(page.messages.map(({ body_cursor: more }) => more === null)).toEqual([false, true]);
    expect(page.messages[0]?.body_bytes).toBe(Buffer.byteLength(body));
    let text = page.messages[0]?.body ?? "";
    expect(Buffer.byteLength(text)).toBeLessThanOrEqual(8_192);
    for (let cursor = page.messages[0]?.body_cursor ?? null; cursor !== null;) {
      const { messages } = await read({ cursor, max_bytes: 10_000 });
      expect(messages.map(({ seq }) => seq)).toEqual([1]);
      text += messages[0]?.body ?? "";
      cursor = messages[0]?.body_cursor ?? null;
    }
    expect(text).toBe(body);
  });

  test("pages follow each other by an opaque cursor until there is no more", async () => {
    for (let n = 1; n <= 5; n++) await post(`message ${n}`);
    const seen: string[] = [];
    let page = await read({ after_seq: 0, limit: 2 });
    for (;;) {
      seen.push(...page.messages.map(({ body }) => body));
      expect(page.has_more).toBe(page.next_cursor !== null);
      if (page.next_cursor === null) break;
      page = await read({ cursor: page.next_cursor, limit: 2 });
    }
    expect(seen).toEqual([1, 2, 3, 4, 5].map((n) => `message ${n}`));
  });

  test("a cursor that is none of ours is refused by its name", async () => {
    const refused = await bob.callTool({
      name: "read_messages",
      arguments: { thread_id: "th-1", cursor: "elsewhere" },
    });
    expect(JSON.stringify(refused.content)).toContain("cursor: is none of ours");
  });

  test("no answer is larger than a client passes on, whatever was asked for", async () => {
    for (let n = 0; n < 6; n++) await post("\u0001".repeat(65_536));
    const result = await bob.callTool({
      name: "read_messages",
      arguments: { thread_id: "th-1", max_bytes: 262_144, preview_bytes: 65_536 },
    });
    const { content } = result as { content: { text: string }[] };
    expect(Buffer.byteLength(content[0]?.text ?? "")).toBeLessThanOrEqual(answerBytes);
    expect(content[0]?.text).toContain("too long for one answer");
  });

  test("a long list becomes a shorter page that can be continued", async () => {
    const long = "t".repeat(190);
    for (let n = 0; n < 100; n++) {
      const reason = "r".repeat(1_000);
      const input = { thread_id: `th-x${n}`, title: long, participants: ["bob"] };
      await world.call("create_thread", callerOf(world, "ann"), input);
      const change = { thread_id: `th-x${n}`, status: "blocked", reason };
      await world.call("update_thread_status", callerOf(world, "ann"), change);
    }
    await world.settle();
    const result = await bob.callTool({ name: "list_threads", arguments: { limit: 100 } });
    const { content } = result as { content: { text: string }[] };
    const page = result.structuredContent as { threads: unknown[]; has_more: boolean };
    expect(Buffer.byteLength(content[0]?.text ?? "")).toBeLessThanOrEqual(answerBytes);
    expect(page.threads.length).toBeGreaterThan(20);
    expect(page.has_more).toBe(true);
  });

  test("a read that waits comes back with the message that was posted meanwhile", async () => {
    const waiting = read({ wait_s: 30 });
    await post("Here it is");
    expect((await waiting).messages).toMatchObject([{ body: "Here it is", untrusted: true }]);
  });

  test("a read that waits for nothing ends with its time", async () => {
    expect(await read({ wait_s: 1 })).toMatchObject({ messages: [], has_more: false });
  });

  test("a read that waits ends when the node drains, with an answer", async () => {
    const listeners = countListeners(world);
    const waiting = read({ wait_s: 50 });
    await until("one listener", 10_000, () => listeners() === 1);
    await closeServer(served.server, 5_000);
    expect(await waiting).toMatchObject({ messages: [] });
  });

  test("a read that waits ends when its client goes away", async () => {
    const listeners = countListeners(world);
    const cancel = new AbortController();
    const waiting = bob.callTool(
      { name: "read_messages", arguments: { thread_id: "th-1", wait_s: 50 } },
      undefined,
      { signal: cancel.signal },
    );
    await until("one listener", 10_000, () => listeners() === 1);
    await bob.close();
    cancel.abort();
    await expect(waiting).rejects.toThrow(/closed|abort/i);
    await until("no listener", 10_000, () => listeners() === 0);
  });

  test("a thread is a resource: listed, summarized, read on", async () => {
    await post("Please look");
    expect((await bob.listResourceTemplates()).resourceTemplates).toHaveLength(2);
    expect((await bob.listResources()).resources).toMatchObject([
      { uri: "thread://th-1", name: "th-1", title: "Review", mimeType: "application/json" },
    ]);
    const text = async (uri: string) => {
      const { contents } = await bob.readResource({ uri });
      return JSON.parse((contents[0] as { text: string }).text) as unknown;
    };
    expect(await text("thread://th-1")).toMatchObject({ thread_id: "th-1", untrusted: true });
    expect(await text("thread://th-1/messages/0")).toMatchObject({ messages: [{ body: "Please look" }] });
    await expect(bob.readResource({ uri: "thread://th-2" })).rejects.toMatchObject({ code: -32_002 });
    await expect(bob.readResource({ uri: "file:///etc/passwd" })).rejects.toMatchObject({ code: -32_002 });
  });
});

/** How many listen for rings now: a read that waits does. */
function countListeners({ workspace: { engine } }: World): () => number {
  let count = 0;
  const onRing = engine.onRing.bind(engine);
  engine.onRing = (listener) => {
    count += 1;
    const end = onRing(listener);
    return () => {
      count -= 1;
      end();
    };
  };
  return () => count;
}
