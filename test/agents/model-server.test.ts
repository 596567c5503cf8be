import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ModelServer } from "./model-server/server.ts";
import { diligent, onWake, serverError, usageLimit } from "./model-server/script.ts";

const wake = "[rouse th-1.alpha.1] 2 unread in thread th-1: call read_messages, then ack_read.";
const page = JSON.stringify({ thread_id: "th-1", next_after_seq: 7 });

let server: ModelServer;
beforeEach(async () => void (server = await ModelServer.open()));
afterEach(() => server.close());

async function ask(path: string, body: object): Promise<Response> {
  return fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { authorization: "Bearer alpha", "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

/** One turn in each dialect: what was said, and with which tools. */
const dialects = {
  responses: {
    path: "/v1/responses",
    body: (texts: readonly string[]) => ({
      input: texts.map((text) => ({
        type: "message",
        role: "user",
        content: [{ type: "input_text", text }],
      })),
      tools: [
        { type: "namespace", name: "mcp__rouse", tools: [{ type: "function", name: "read_messages" }] },
      ],
    }),
    called: '\\"thread_id\\":\\"th-1\\"',
  },
  anthropic: {
    path: "/v1/messages",
    body: (texts: readonly string[]) => ({
      messages: [
        ...texts.map((content) => ({ role: "user", content })),
        { role: "system", content: "# Environment" },
      ],
      tools: [{ name: "mcp__rouse__read_messages" }],
    }),
    called: '\\"thread_id\\":\\"th-1\\"',
  },
  chat: {
    path: "/v1/chat/completions",
    body: (texts: readonly string[]) => ({
      messages: texts.map((content) => ({ role: "user", content })),
      tools: [{ type: "function", function: { name: "rouse_read_messages" } }],
    }),
    called: '\\"thread_id\\":\\"th-1\\"',
  },
  gemini: {
    path: "/v1beta/models/scripted:streamGenerateContent",
    body: (texts: readonly string[]) => ({
      contents: texts.map((text) => ({ role: "user", parts: [{ text }] })),
      tools: [{ functionDeclarations: [{ name: "mcp_rouse_read_messages" }] }],
    }),
    called: '"thread_id":"th-1"',
  },
};

describe.each(Object.entries(dialects))("the scripted model in the dialect %s", (_name, dialect) => {
  const { path, called } = dialect;
  const body = (...texts: string[]) => ({ model: "scripted", stream: true, ...dialect.body(texts) });

  test("calls the tool that a wake line asks for, in a stream", async () => {
    server.instruct("alpha", diligent());
    const answer = await ask(path, body(wake));
    expect(answer.headers.get("content-type")).toBe("text/event-stream");
    const said = await answer.text();
    expect(said).toContain("read_messages");
    expect(said).toContain(called);
  });

  test("counts a wake line once however often it is sent along, and twice when it was submitted twice", async () => {
    await ask(path, body(wake));
    await ask(path, body(wake, "and more"));
    expect(server.wakesOf("alpha")).toEqual(new Map([["th-1.alpha.1", 1]]));
    await ask(path, body(wake, "and more", wake));
    expect(server.wakesOf("alpha")).toEqual(new Map([["th-1.alpha.1", 2]]));
  });

  test("keeps a turn open until it is released", async () => {
    const { promise, resolve } = Promise.withResolvers<{ say: string }>();
    server.instruct("alpha", [onWake(() => promise)]);
    const answered = ask(path, body(wake)).then((answer) => answer.text());
    await expect.poll(() => server.requestsOf("alpha").map(({ state }) => state)).toEqual(["thinking"]);
    resolve({ say: "Released." });
    expect(await answered).toContain("Released.");
    expect(server.requestsOf("alpha").map(({ state }) => state)).toEqual(["answered"]);
  });

  test("refuses with the status it was told", async () => {
    server.instruct("alpha", [onWake(() => usageLimit(Date.now() + 60_000))]);
    const limited = await ask(path, body(wake));
    expect(limited.status).toBe(429);
    expect(Number(limited.headers.get("retry-after"))).toBeGreaterThan(50);
    server.instruct("alpha", [onWake(serverError)]);
    expect((await ask(path, body(wake))).status).toBe(500);
  });
});

test("a wake line in another session counts anew", async () => {
  const { path, body } = dialects.responses;
  for (const prompt_cache_key of ["one", "two"]) await ask(path, { ...body([wake]), prompt_cache_key });
  expect(server.wakesOf("alpha")).toEqual(new Map([["th-1.alpha.1", 2]]));
});

test("what was read is acknowledged, and then answered", async () => {
  server.instruct("alpha", diligent({ reply: () => "Seen." }));
  const tools = ["ack_read", "post_message"].map((name) => ({ name: `mcp__rouse__${name}` }));
  const read = { role: "user", content: [{ type: "tool_result", content: page }] };
  const acked = { role: "user", content: [{ type: "tool_result", content: '{"last_read_seq":7}' }] };
  const acks = await (await ask("/v1/messages", { messages: [read], tools })).text();
  expect(acks).toContain("mcp__rouse__ack_read");
  expect(acks).toContain('"seq":7');
  const posts = await (await ask("/v1/messages", { messages: [read, acked], tools })).text();
  expect(posts).toContain("Seen.");
});

test("a tool that is not there yet is looked for, and then called", async () => {
  server.instruct("alpha", diligent());
  const told = { role: "user", content: wake };
  const early = await (
    await ask("/v1/messages", { messages: [told], tools: [{ name: "ToolSearch" }] })
  ).text();
  expect(early).toContain("select:mcp__rouse__read_messages");
  const search = {
    role: "assistant",
    content: [{ type: "tool_use", id: "t1", name: "ToolSearch", input: {} }],
  };
  const found = {
    role: "user",
    content: [
      { type: "tool_result", tool_use_id: "t1", content: "found" },
      { type: "text", text: "Tool loaded." },
    ],
  };
  const tools = [{ name: "ToolSearch" }, { name: "mcp__rouse__read_messages" }];
  const later = await (await ask("/v1/messages", { messages: [told, search, found], tools })).text();
  expect(later).toContain('"name":"mcp__rouse__read_messages"');
});

test("a tool that is not offered is named, with those that are", async () => {
  server.instruct("alpha", diligent());
  const answer = await ask("/v1/messages", {
    messages: [{ role: "user", content: wake }],
    tools: [{ name: "Bash" }],
  });
  expect(await answer.text()).toContain("There is no tool read_messages among Bash");
});
