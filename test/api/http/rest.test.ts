import { request as httpRequest } from "node:http";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { closeServer, listen } from "../../../api/http/listen.ts";
import { buildServer } from "../../../api/http/server.ts";
import { operations } from "../../../api/operations/list.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import { createWorld, type World } from "../world.ts";
import { serve, type Served } from "./client.ts";

describe("REST", () => {
  let world: World;
  let served: Served;
  let ann: string;

  beforeEach(async () => {
    world = await createWorld();
    served = await serve(world);
    ann = await served.token("ann");
  });
  afterEach(() => closeServer(served.server, 1_000));

  const createThread = () =>
    served.rest(ann, "POST", "/v1/threads", {
      body: { thread_id: "th-1", title: "Review", participants: ["bob"] },
    });

  /** With a Host header of our choice, which fetch does not allow. */
  const statusWith = (headers: Record<string, string>, path = "/health") =>
    new Promise<number>((resolve, reject) => {
      httpRequest(`${served.url}${path}`, { headers }, (response) => {
        response.resume();
        resolve(response.statusCode ?? 0);
      })
        .on("error", reject)
        .end();
    });

  test("a thread's life goes over HTTP: create, post, read, acknowledge, resolve", async () => {
    expect(await createThread()).toMatchObject({ status: 200, body: { schema_version: 1 } });
    const posted = await served.rest(ann, "POST", "/v1/threads/th-1/messages", {
      body: { body: "Please look" },
    });
    expect(posted.body).toMatchObject({ seq: 1, addressed: ["bob"] });
    const bob = await served.token("bob");
    const read = await served.rest(bob, "GET", "/v1/threads/th-1/messages?limit=1&after_seq=0");
    expect(read.body).toMatchObject({ messages: [{ seq: 1, body: "Please look", untrusted: true }] });
    expect((await served.rest(bob, "POST", "/v1/threads/th-1/ack", { body: { seq: 1 } })).body).toMatchObject(
      {
        last_read_seq: 1,
      },
    );
    const resolved = await served.rest(bob, "POST", "/v1/threads/th-1/status", {
      body: { status: "resolved" },
    });
    expect(resolved.body).toMatchObject({ thread: { status: "resolved" } });
  });

  test("what still arrives while the server closes is refused as draining, to be repeated", async () => {
    const begun = new Promise((resolve) => {
      served.server.server.once("connection", (connection) => connection.once("data", resolve));
    });
    const socket = connect(Number(new URL(served.url).port), "127.0.0.1");
    const answer = text(socket);
    // A request that has begun keeps its connection open until it is answered.
    socket.write("GET /v1/status HTTP/1.1\r\nHost: localhost\r\n");
    await begun;
    const closed = closeServer(served.server, 5_000);
    socket.write("\r\n");
    expect(await answer).toMatch(/^HTTP\/1.1 503 [^]*retry-after: 2\r\n[^]*"code":"draining"/);
    await closed;
  });

  test("a problem names code, next step and request, and is typed as such", async () => {
    const answer = await served.rest(ann, "GET", "/v1/threads/th-0", {
      headers: { "x-request-id": "trace-me-1" },
    });
    expect(answer.status).toBe(404);
    expect(answer.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(answer.headers.get("x-request-id")).toBe("trace-me-1");
    expect(answer.body).toEqual({
      type: "urn:rouse:problem:thread_not_found",
      title: "Thread not found",
      status: 404,
      detail: "there is no thread th-0",
      instance: "urn:rouse:request:trace-me-1",
      schema_version: 1,
      code: "thread_not_found",
      message: "there is no thread th-0",
      next_step: "List the threads to find its id.",
      retryable: false,
      details: { thread_id: "th-0" },
      request_id: "trace-me-1",
    });
  });

  test("the Idempotency-Key header makes a repetition safe", async () => {
    await createThread();
    const post = (body: string) =>
      served.rest(ann, "POST", "/v1/threads/th-1/messages", {
        body: { body },
        headers: { "idempotency-key": "k1" },
      });
    const first = await post("One");
    expect(first.headers.has("idempotency-replayed")).toBe(false);
    const again = await post("One");
    expect(again.body).toEqual(first.body);
    expect(again.headers.get("idempotency-replayed")).toBe("true");
    expect(await post("Two")).toMatchObject({ status: 409, body: { code: "idempotency_conflict" } });
    const both = await served.rest(ann, "POST", "/v1/threads/th-1/messages", {
      body: { body: "x", idempotency_key: "other" },
      headers: { "idempotency-key": "k2" },
    });
    expect(both).toMatchObject({ status: 400, body: { code: "invalid_input" } });
  });

  test("a body may not contradict the address", async () => {
    await createThread();
    const answer = await served.rest(ann, "POST", "/v1/threads/th-1/messages", {
      body: { thread_id: "th-2", body: "x" },
    });
    expect(answer).toMatchObject({ status: 400, body: { code: "invalid_input" } });
  });

  test("every route demands a token, before the body is read", async () => {
    for (const { http } of operations) {
      const path = http.path.replaceAll(/:\w+/g, "x");
      const response = await fetch(`${served.url}${path}`, {
        method: http.method,
        ...(http.method === "GET"
          ? {}
          : { headers: { "content-type": "application/json" }, body: "{not json" }),
      });
      expect([path, response.status]).toEqual([path, 401]);
      expect(response.headers.get("www-authenticate")).toMatch(/^Bearer/);
      expect(await response.json()).toMatchObject({ code: "unauthenticated" });
    }
  });

  test("two workspaces behind one server do not see each other, whatever is asked", async () => {
    const other = await createWorld(
      world.clock,
      createMemoryStore({ workspaceId: "other", clock: world.clock }),
    );
    const both = await serve(world, other);
    try {
      await createThread();
      const { token } = await other.workspace.tokens.issue({
        agentId: "ann",
        role: "operator",
        sessionId: "s",
        lifetimeMs: 60_000,
      });
      expect((await both.rest(token, "GET", "/v1/threads/th-1")).status).toBe(404);
      for (const { name, http, readOnly } of operations.filter(({ http: { method } }) => method === "GET")) {
        const path = http.path
          .replace(":thread_id", "th-1")
          .replace(":agent_id", "ann")
          .replace(":runtime_id", "x");
        const answer = await both.rest(token, "GET", path);
        expect([name, readOnly, JSON.stringify(answer.body).includes("Review")]).toEqual([name, true, false]);
      }
      expect((await both.rest(token, "GET", "/v1/status")).body).toMatchObject({
        workspace_id: "other",
        messages: 0,
      });
    } finally {
      await closeServer(both.server, 1_000);
    }
  });

  test("a foreign Host or Origin is refused before anything else, on probes too", async () => {
    expect(await statusWith({})).toBe(200);
    expect(await statusWith({ host: "localhost:9" })).toBe(200);
    expect(await statusWith({ host: "evil.example" })).toBe(403);
    expect(await statusWith({ host: "127.0.0.1.evil.example" })).toBe(403);
    expect(await statusWith({ origin: "https://evil.example" })).toBe(403);
    expect(await statusWith({ origin: "null" })).toBe(403);
    expect(await statusWith({ origin: served.url })).toBe(200);
    expect(await statusWith({ host: "evil.example" }, "/v1/status")).toBe(403);
  });

  test.each([
    ["malformed JSON", "application/json", "{", "400 invalid_input"],
    ["a poisoned prototype", "application/json", '{"__proto__":{"x":1}}', "400 invalid_input"],
    ["another content type", "text/plain", "hello", "400 invalid_input"],
    ["a list", "application/json", "[]", "400 invalid_input"],
    [
      "a body that is far too large",
      "application/json",
      `{"title":"${"x".repeat(500_000)}"}`,
      "413 body_too_large",
    ],
  ])("%s is refused with a clear code", async (_what, type, body, refusal) => {
    const [status, code] = refusal.split(" ");
    const response = await fetch(`${served.url}/v1/threads`, {
      method: "POST",
      headers: { authorization: `Bearer ${ann}`, "content-type": type },
      body,
    });
    expect(response.status).toBe(Number(status));
    expect(await response.json()).toMatchObject({ code });
    expect(served.failures).toEqual([]);
  });

  test("64 KiB of text fit whatever their escaping; one byte more does not", async () => {
    await createThread();
    const post = (text: string) =>
      served.rest(ann, "POST", "/v1/threads/th-1/messages", { body: { body: text } });
    expect((await post("\u0001".repeat(65_536))).status).toBe(200);
    expect(await post("\u0001".repeat(65_537))).toMatchObject({
      status: 413,
      body: { code: "body_too_large" },
    });
  });

  test("an unknown path is a problem too", async () => {
    expect(await served.rest(ann, "GET", "/v1/nothing")).toMatchObject({
      status: 404,
      body: { code: "not_found" },
    });
  });

  test("while the database is down calls answer 503 with Retry-After, and work again afterwards", async () => {
    await createThread();
    const { store } = world;
    const transaction = store.transaction.bind(store);
    store.transaction = () =>
      Promise.reject(new RouseError("database_unavailable", "the database does not answer"));
    const down = await served.rest(ann, "POST", "/v1/threads/th-1/messages", { body: { body: "One" } });
    expect(down).toMatchObject({ status: 503, body: { code: "database_unavailable", retryable: true } });
    expect(down.headers.get("retry-after")).toBe("2");
    expect((await fetch(`${served.url}/ready`)).status).toBe(503);
    expect((await fetch(`${served.url}/health`)).status).toBe(200);
    store.transaction = transaction;
    expect((await fetch(`${served.url}/ready`)).status).toBe(200);
    const up = await served.rest(ann, "POST", "/v1/threads/th-1/messages", { body: { body: "One" } });
    expect(up.body).toMatchObject({ seq: 1 });
  });

  test("a failure inside says nothing about the inside, and is reported with the request", async () => {
    const transaction = world.store.transaction.bind(world.store);
    let isBroken = false;
    world.store.transaction = (work, options) =>
      isBroken ? Promise.reject(new Error("password=canary")) : transaction(work, options);
    await createThread();
    isBroken = true;
    const answer = await served.rest(ann, "GET", "/v1/threads");
    expect(answer).toMatchObject({ status: 500, body: { code: "internal" } });
    expect(JSON.stringify(answer.body)).not.toContain("canary");
    expect(served.failures).toMatchObject([
      { context: expect.stringContaining(String(answer.body["request_id"])) as string },
    ]);
  });

  test("a port in use is a clear error", async () => {
    const { port } = new URL(served.url);
    const second = buildServer({ workspaces: [world.workspace], version: "0", onError: () => {} });
    await expect(listen(second, { bind: "127.0.0.1", port: Number(port) })).rejects.toMatchObject({
      code: "port_in_use",
      nextStep: expect.stringContaining("ROUSE_PORT") as string,
    });
    await second.close();
  });

  test("closing ends idle connections and does not wait for them", async () => {
    await fetch(`${served.url}/health`);
    await closeServer(served.server, 1_000);
    await expect(fetch(`${served.url}/health`)).rejects.toThrow("fetch failed");
  });
});
