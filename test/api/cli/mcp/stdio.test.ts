import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Client as LaterClient } from "@modelcontextprotocol/client";
import { StdioClientTransport as LaterTransport } from "@modelcontextprotocol/client/stdio";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { ResourceUpdatedNotificationSchema } from "@modelcontextprotocol/sdk/types.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NodeFile } from "../../../../api/node-messages.ts";
import { until } from "../../../network/until.ts";
import { createTestDatabase, type TestDatabase } from "../../../setup/database.ts";
import { runProcess } from "../stage.ts";

const program = fileURLToPath(new URL("../../../../api/cli/main.ts", import.meta.url));

describe("rouse mcp, by real clients over standard input and output, against a real node", () => {
  let home: string;
  let database: TestDatabase;
  const closes: (() => Promise<void>)[] = [];
  /** Good for seconds, and the client that began with it. */
  let brief: string;
  let refreshing: Client;

  beforeAll(async () => {
    home = await mkdtemp(join(tmpdir(), "rouse-stdio-"));
    database = await createTestDatabase();
    expect(await rouse("up")).toMatchObject({ code: 0 });
    await rouse("thread", "create", "Review", "--id", "th-1", "--participant", "ann", "bob");
    brief = await issue({ lifetime_s: 10, refreshable: true });
    const file = join(home, "brief.token");
    await writeFile(file, brief, { mode: 0o600 });
    refreshing = await connect("--token-file", file);
  }, 60_000);
  afterAll(async () => {
    for (const close of closes) await close();
    await rouse("down");
    await database.drop();
    await rm(home, { recursive: true, force: true });
  }, 60_000);

  const environment = (): Record<string, string> => ({
    PATH: process.env["PATH"] ?? "",
    ROUSE_HOME: home,
    ROUSE_PORT: "0",
    DATABASE_URL: database.url,
  });
  const rouse = (...args: string[]) => runProcess(args, { environment: environment() });
  const launch = (...args: string[]) => ({
    command: process.execPath,
    args: ["--no-warnings", program, "mcp", ...args],
    env: environment(),
    stderr: "ignore" as const,
  });

  async function connect(...args: string[]): Promise<Client> {
    const client = new Client({ name: "test", version: "0" });
    await client.connect(new StdioClientTransport(launch(...args)));
    closes.push(() => client.close());
    return client;
  }

  const call = async (client: Client, name: string, input: object) => {
    const result = await client.callTool({ name, arguments: { ...input } });
    return { isError: result.isError, ...(result.structuredContent as Record<string, unknown>) };
  };

  test("a client speaks as its agent, and goes on over a restart of the node that it knows nothing of", async () => {
    const [ann, bob] = await Promise.all([connect("--agent", "ann"), connect("--agent", "bob")]);
    expect(ann.getServerCapabilities()?.resources).toEqual({ subscribe: true, listChanged: true });
    let told = Promise.withResolvers<string>();
    ann.setNotificationHandler(ResourceUpdatedNotificationSchema, ({ params }) => told.resolve(params.uri));
    await ann.subscribeResource({ uri: "thread://th-1" });
    expect(await told.promise).toBe("thread://th-1");
    told = Promise.withResolvers();
    expect((await bob.listTools()).tools).toHaveLength(10);
    expect(await call(bob, "post_message", { thread_id: "th-1", body: "One" })).toMatchObject({ seq: 1 });

    expect(await told.promise).toBe("thread://th-1");
    told = Promise.withResolvers();
    const before = await node();
    process.kill(before.pid, "SIGKILL");
    // Sent while nobody answers: it waits, and is done once.
    const posted = call(bob, "post_message", { thread_id: "th-1", body: "Two" });
    const read = call(bob, "read_messages", { thread_id: "th-1", after_seq: 0, wait_s: 1 });
    expect(await rouse("up")).toMatchObject({ code: 0 });
    expect((await node()).url).not.toBe(before.url);
    expect(await posted).toMatchObject({ seq: 2 });
    expect(await read).toMatchObject({ messages: expect.arrayContaining([]) as unknown });
    const all = (await call(bob, "read_messages", { thread_id: "th-1", after_seq: 0 })) as unknown as {
      messages: { author: string; body: string }[];
    };
    expect(all.messages.map(({ author, body }) => `${author}: ${body}`)).toEqual(["bob: One", "bob: Two"]);
    // The subscription lives on as well.
    expect(await told.promise).toBe("thread://th-1");
  }, 60_000);

  test("a client that begins while the node is away is answered once it is back, and told so when it stays away", async () => {
    const impatient = ["--token", await issue({}), "--patience", "1s"];
    process.kill((await node()).pid, "SIGKILL");
    const beginning = connect("--agent", "bob");
    await expect(connect(...impatient)).rejects.toMatchObject({
      data: { code: "not_running", retryable: true },
    });
    expect(await rouse("up")).toMatchObject({ code: 0 });
    const bob = await beginning;
    expect((await bob.listTools()).tools).toHaveLength(10);

    const living = await connect(...impatient);
    expect(await call(living, "list_threads", {})).toMatchObject({ isError: undefined });
    process.kill((await node()).pid, "SIGKILL");
    const failed = await living.callTool({ name: "list_threads", arguments: {} });
    expect(failed.isError).toBe(true);
    expect(JSON.stringify(failed.content)).toMatch(/Repeat the call in a moment/);
    expect(await rouse("up")).toMatchObject({ code: 0 });
    expect(await call(living, "list_threads", {})).toMatchObject({ isError: undefined });
  }, 60_000);

  test("a program that is killed leaves no proxy behind, though its node is away and a call waits", async () => {
    const home = await mkdtemp(join(tmpdir(), "rouse-none-"));
    const args = JSON.stringify(["--no-warnings", program, "mcp", "--token", "x"]);
    const script = `const { spawn } = require("node:child_process");
      const proxy = spawn(process.execPath, ${args}, { stdio: ["pipe", "inherit", "ignore"] });
      proxy.stdin.write('{"jsonrpc":"2.0","id":1,"method":"tools/list"}\\nnonsense\\n');`;
    const client = spawn(process.execPath, ["-e", script], { env: { ...environment(), ROUSE_HOME: home } });
    await once(client.stdout, "data");
    client.kill("SIGKILL");
    // The pipe that both write to.
    await once(client, "close");
    await rm(home, { recursive: true });
  }, 30_000);

  test("a text with characters that end lines elsewhere is one line of the protocol", async () => {
    const bob = await connect("--agent", "bob");
    const body = "one\u2028two\u2029three\r\nfour";
    const { seq } = (await call(bob, "post_message", { thread_id: "th-1", body })) as unknown as {
      seq: number;
    };
    const { messages } = (await call(bob, "read_messages", {
      thread_id: "th-1",
      after_seq: seq - 1,
    })) as unknown as { messages: { body: string }[] };
    expect(messages).toMatchObject([{ body }]);
  }, 60_000);

  test("a client of the later era speaks and listens through it too", async () => {
    const client = new LaterClient({ name: "test", version: "0" }, { versionNegotiation: { mode: "auto" } });
    await client.connect(new LaterTransport(launch("--agent", "bob")));
    closes.push(() => client.close());
    expect(client.getNegotiatedProtocolVersion()).toBe("2026-07-28");
    const told = Promise.withResolvers<string>();
    client.setNotificationHandler("notifications/resources/updated", ({ params }) =>
      told.resolve(params.uri),
    );
    await client.listen({ resourceSubscriptions: ["thread://th-1"] });
    expect(await told.promise).toBe("thread://th-1");
    const posted = await client.callTool({
      name: "post_message",
      arguments: { thread_id: "th-1", body: "Later" },
    });
    expect(posted.structuredContent).toMatchObject({ thread_id: "th-1" });
  }, 60_000);

  test("a token file is read again when it changes, and a refused token is said with its next step", async () => {
    const file = join(home, "changing.token");
    await writeFile(file, "not.a.token", { mode: 0o600 });
    const transport = new StdioClientTransport(launch("--token-file", file));
    const client = new Client({ name: "test", version: "0" });
    await expect(client.connect(transport)).rejects.toThrow(/token/);
    await writeFile(file, await issue({}));
    const bob = await connect("--token-file", file);
    expect(await call(bob, "list_threads", {})).toMatchObject({ isError: undefined });
  }, 60_000);

  test("nothing but the protocol goes out, and the end of input ends it", async () => {
    const child = spawn(process.execPath, launch("--agent", "bob").args, { env: environment() });
    let out = "";
    child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
    child.stdin.write('nonsense\n{"jsonrpc":"2.0","id":1,"method":"ping"}\n');
    while (!out.includes('"id":1')) await once(child.stdout, "data");
    child.stdin.end();
    const [code] = (await once(child, "close")) as [number | null];
    expect(code).toBe(0);
    const messages = out
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as { jsonrpc: string; error?: { code: number } });
    expect(messages).toMatchObject([
      { error: { code: -32_700 }, id: null },
      { id: 1, result: {} },
    ]);
  }, 60_000);

  test("without a node it says so to the client, as an answer that may be tried again", async () => {
    const empty = await mkdtemp(join(tmpdir(), "rouse-none-"));
    const transport = new StdioClientTransport({
      ...launch("--token", "x", "--patience", "1s"),
      env: { ...environment(), ROUSE_HOME: empty },
    });
    const client = new Client({ name: "test", version: "0" });
    await expect(client.connect(transport)).rejects.toMatchObject({
      data: { code: "not_running", retryable: true },
    });
    await rm(empty, { recursive: true });
  }, 60_000);

  test("a short-lived token is refreshed while the client lives, also while it says nothing", async () => {
    const { url } = await node();
    const seen = async () =>
      (await fetch(`${url}/v1/threads`, { headers: { authorization: `Bearer ${brief}` } })).status;
    await until("the first token to end", 30_000, async () => (await seen()) !== 200);
    expect(await seen()).toBe(401);
    expect(await call(refreshing, "list_threads", {})).toMatchObject({ isError: undefined });
  }, 60_000);

  async function issue(more: object): Promise<string> {
    const { url } = await node();
    const operator = (await readFile(join(home, "operator.token"), "utf8")).trim();
    const response = await fetch(`${url}/v1/tokens`, {
      method: "POST",
      headers: { authorization: `Bearer ${operator}`, "content-type": "application/json" },
      body: JSON.stringify({ agent_id: "bob", role: "participant", ...more }),
    });
    return ((await response.json()) as { token: string }).token;
  }

  async function node(): Promise<NodeFile> {
    return JSON.parse(await readFile(join(home, "node.json"), "utf8")) as NodeFile;
  }
});
