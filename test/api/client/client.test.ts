import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, expectTypeOf, test } from "vitest";
import {
  CallError,
  createClient,
  type Client,
  type OutputOf,
  type RouseEvent,
} from "../../../api/client/index.ts";
import { closeServer } from "../../../api/http/listen.ts";
import { importsOf, readRepository } from "../../architecture/source-file.ts";
import { serve, type Served } from "../http/client.ts";
import { createWorld, type World } from "../world.ts";

describe("the client", () => {
  let world: World;
  let served: Served;
  let ann: Client;

  beforeEach(async () => {
    world = await createWorld();
    served = await serve(world);
    ann = createClient({ url: `${served.url}/`, token: await served.token("ann") });
  });
  afterEach(() => closeServer(served.server, 1_000));

  test("has a method for each operation, typed by its definition", async () => {
    const { thread } = await ann.createThread({ thread_id: "th-1", title: "Review", participants: ["bob"] });
    expect(thread).toMatchObject({ thread_id: "th-1", status: "active" });
    const posted = await ann.postMessage({ thread_id: "th-1", body: "Look", to: ["bob"] });
    expect(posted).toMatchObject({ seq: 1, addressed: ["bob"] });
    expectTypeOf(posted.seq).toEqualTypeOf<number>();
    const { threads } = await ann.listThreads();
    expectTypeOf(threads[0]!.status).toEqualTypeOf<"active" | "blocked" | "resolved" | "closed">();
    expect(await ann.call("read_messages", { thread_id: "th-1", after_seq: 0, limit: 1 })).toMatchObject({
      messages: [{ body: "Look" }],
    });
    // @ts-expect-error a field that the operation does not know
    await expect(ann.postMessage({ thread_id: "th-1", text: "x" })).rejects.toMatchObject({
      code: "invalid_input",
    });
    expectTypeOf<OutputOf<"ack_read">["unread"]>().toEqualTypeOf<number>();
  });

  test("throws what the node refused, typed, with its next step and request", async () => {
    const error: unknown = await ann.getThread({ thread_id: "th-9" }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(CallError);
    expect(error).toMatchObject({
      ...{ code: "thread_not_found", status: 404, retryable: false, details: { thread_id: "th-9" } },
      nextStep: "List the threads to find its id.",
      requestId: expect.stringMatching(/^\w{8,}/) as string,
    });
  });

  test("asks for its token before each try", async () => {
    const tokens = ["not-a-token", await served.token("ann")];
    const client = createClient({ url: served.url, token: () => tokens.shift() ?? "" });
    await expect(client.listThreads()).rejects.toMatchObject({ code: "unauthenticated", status: 401 });
    expect(await client.listThreads()).toMatchObject({ threads: [] });
  });

  test("makes a change once with a key of the program, however often it is called", async () => {
    await ann.createThread({ thread_id: "th-1", title: "Review" });
    const post = () => ann.postMessage({ thread_id: "th-1", body: "Look" }, { idempotencyKey: "k-1" });
    expect(await post()).toEqual(await post());
    expect(await ann.getThread({ thread_id: "th-1" })).toMatchObject({ thread: { head_seq: 1 } });
  });

  test("follows events over connections that break, each once and in order", async () => {
    const flaky = await between(served.url, 1_200);
    const client = createClient({ url: flaky.url, token: await served.token("ann") });
    const seen: RouseEvent[] = [];
    const over = new AbortController();
    const following = (async () => {
      for await (const event of client.events({ after: "0", signal: over.signal })) {
        seen.push(event);
        if (seen.filter(({ type }) => type === "message.posted").length === 12) over.abort();
      }
    })();
    await ann.createThread({ thread_id: "th-1", title: "Review", participants: ["bob"] });
    for (let count = 0; count < 12; count += 1) {
      await ann.postMessage({ thread_id: "th-1", body: `Message ${count}` });
      await world.settle();
    }
    await following;
    expect(flaky.broken()).toBeGreaterThan(2);
    const ids = seen.map(({ event_id }) => event_id);
    expect(new Set(ids).size).toBe(ids.length);
    const posted = seen.flatMap((event) => (event.type === "message.posted" ? [event.data.seq] : []));
    expect(posted).toEqual(Array.from({ length: 12 }, (_, index) => index + 1));
    await flaky.close();
  });

  test("leaves the stream when the loop is left, and ends without an error when it is told to", async () => {
    await ann.createThread({ thread_id: "th-1", title: "Review" });
    for await (const event of ann.events({ after: "0" })) {
      expect(event.type).toBe("thread.created");
      break;
    }
    const over = new AbortController();
    const following = (async () => {
      for await (const event of ann.events({ signal: over.signal })) throw new Error(event.type);
    })();
    over.abort();
    await following;
  });

  test("throws what the node refuses of a stream, and does not ask again", async () => {
    const stranger = createClient({ url: served.url, token: "x.y.z" });
    await expect(stranger.events().next()).rejects.toMatchObject({ code: "unauthenticated" });
    await expect(ann.events({ threadId: "th-9" }).next()).rejects.toMatchObject({ code: "thread_not_found" });
  });
});

describe("the client's patience", () => {
  let server: Server;
  let url: string;
  let answers: ((response: ServerResponse) => void)[];
  let keys: (string | undefined)[];

  beforeEach(async () => {
    answers = [];
    keys = [];
    server = createServer((request: IncomingMessage, response) => {
      keys.push(request.headers["idempotency-key"] as string | undefined);
      request.resume();
      (answers.shift() ?? done)(response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  const done = (response: ServerResponse): void => void response.end(JSON.stringify({ seq: 1 }));
  const problem =
    (status: number, body: object, headers: Record<string, string> = {}) =>
    (response: ServerResponse) =>
      void response.writeHead(status, headers).end(JSON.stringify({ message: "no", ...body }));
  const cut = (response: ServerResponse): void => void response.socket?.destroy();
  const post = (options = {}) =>
    createClient({ url, token: "t" }).postMessage({ thread_id: "th-1", body: "x" }, options);

  test("tries again what may succeed later, always with the same key", async () => {
    answers = [
      problem(503, { code: "draining", retryable: true }),
      cut,
      (response) => void response.writeHead(502).end("<html>"),
    ];
    expect(await post()).toEqual({ seq: 1 });
    expect(keys).toHaveLength(4);
    expect(new Set(keys).size).toBe(1);
    expect(keys[0]).toMatch(/^[0-9a-f-]{36}$/);
  });

  test("waits at least as long as the node says", async () => {
    answers = [problem(429, { code: "rate_limited", retryable: true }, { "retry-after": "1" })];
    const from = performance.now();
    await post();
    expect(performance.now() - from).toBeGreaterThanOrEqual(999);
  });

  test("does not repeat what will not succeed, and gives up after its tries", async () => {
    answers = [problem(409, { code: "thread_closed", retryable: false })];
    await expect(post()).rejects.toMatchObject({ code: "thread_closed", status: 409 });
    expect(keys).toHaveLength(1);
    answers = [cut, cut, cut];
    await expect(post({ attempts: 2 })).rejects.toMatchObject({
      code: "not_running",
      status: null,
      retryable: true,
    });
    expect(keys).toHaveLength(3);
  });

  test("ends with the signal, and with its time", async () => {
    const over = new AbortController();
    answers = [() => over.abort()];
    await expect(post({ signal: over.signal })).rejects.toMatchObject({ name: "AbortError" });
    answers = [() => {}];
    const client = createClient({ url, token: "t", timeoutMs: 50, attempts: 1 });
    await expect(client.listThreads()).rejects.toMatchObject({ code: "wait_timeout" });
    server.closeAllConnections();
  });

  test("takes an answer of a newer node with fields and codes that it does not know", async () => {
    answers = [
      (response) => void response.end(JSON.stringify({ seq: 1, sentiment: "fine" })),
      problem(418, { code: "teapot", retryable: false }),
    ];
    expect(await post()).toMatchObject({ seq: 1 });
    await expect(post()).rejects.toMatchObject({ code: "teapot", status: 418 });
  });
});

test("the client loads none of the server: of the operations it takes types alone", () => {
  const root = fileURLToPath(new URL("../../..", import.meta.url));
  const files = readRepository(root).filter(({ path }) => path.startsWith("api/client/"));
  expect(files.length).toBeGreaterThan(4);
  const loaded = files.flatMap((file) =>
    importsOf(file).flatMap(({ specifier, isTypeOnly }) => (isTypeOnly ? [] : [specifier])),
  );
  expect(loaded.filter((specifier) => !specifier.startsWith("./"))).toEqual(["eventsource-parser"]);
  const manifest = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  expect(manifest).toContain("./dist/api/client/index.js");
});

/** A proxy that cuts each connection after so many bytes of the answer. */
async function between(target: string, bytes: number) {
  let broken = 0;
  const proxy = createServer((request, response) => {
    void (async () => {
      const upstream = await fetch(`${target}${request.url ?? ""}`, {
        headers: { authorization: request.headers.authorization ?? "" },
      });
      response.writeHead(upstream.status, { "content-type": upstream.headers.get("content-type") ?? "" });
      let sent = 0;
      for await (const chunk of upstream.body ?? []) {
        const part = chunk as Uint8Array;
        response.write(part.slice(0, bytes - sent));
        sent += part.length;
        if (sent < bytes) continue;
        broken += 1;
        // What was written arrives first: the cut is in the middle of an event, not of a packet.
        response.socket?.destroySoon();
        return;
      }
      response.end();
    })().catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`,
    broken: () => broken,
    close: () =>
      new Promise((resolve) => {
        proxy.close(resolve);
        proxy.closeAllConnections();
      }),
  };
}
