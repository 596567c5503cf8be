import { connect } from "node:net";
import { text } from "node:stream/consumers";
import Fastify from "fastify";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { HttpLimits } from "../../../api/http/limits.ts";
import { closeServer } from "../../../api/http/listen.ts";
import { refuseUnderPressure } from "../../../api/http/pressure.ts";
import { sendProblem } from "../../../api/http/problem-details.ts";
import { createWorld, type World } from "../world.ts";
import { serveWith, type Served } from "./client.ts";

let world: World;
let served: Served;
const begin = async (limits: Partial<HttpLimits>): Promise<void> => {
  served = await serveWith(limits, world);
};
beforeEach(async () => {
  world = await createWorld();
});
afterEach(() => closeServer(served.server, 1_000));

const list = (token: string) => served.rest(token, "GET", "/v1/threads");
/** A window that no test outlives. */
const callWindowMs = 600_000;

describe("limits on calls", () => {
  test("an agent that calls too often waits, over all its tokens, and nobody else does", async () => {
    await begin({ callsPerAgent: 3, callWindowMs });
    const [ann, annAgain, operator] = await Promise.all([
      served.token("ann"),
      served.token("ann"),
      served.token("operator", "operator"),
    ]);
    for (const token of [ann, annAgain, ann]) expect((await list(token)).status).toBe(200);
    const refused = await list(annAgain);
    expect(refused).toMatchObject({
      status: 429,
      body: {
        code: "rate_limited",
        retryable: true,
        message: "ann calls too often",
        details: { allowed: 3 },
      },
    });
    const waitS = Number(refused.headers.get("retry-after"));
    expect(waitS).toBeGreaterThan(500);
    expect(refused.body["details"]).toMatchObject({ retry_after_s: waitS, window_ms: callWindowMs });
    // MCP is no way around it.
    expect((await served.rest(ann, "POST", "/mcp", { body: {} })).status).toBe(429);
    for (let count = 0; count < 3; count += 1) expect((await list(operator)).status).toBe(200);
    expect(served.failures).toEqual([]);
  });

  test("an agent may call again when the window is over", async () => {
    await begin({ callsPerAgent: 1, callWindowMs: 100 });
    const ann = await served.token("ann");
    await list(ann);
    expect((await list(ann)).status).toBe(429);
    await expect.poll(async () => (await list(ann)).status).toBe(200);
  });

  test("a flood without a good token from one address does not keep out whoever has one there", async () => {
    await begin({ callsPerPeer: 5, callWindowMs });
    const operator = await served.token("operator", "operator");
    expect((await list(operator)).status).toBe(200);
    const flood: number[] = [];
    for (let count = 0; count < 8; count += 1) flood.push((await list(`rubbish.${count}.x`)).status);
    expect(flood).toEqual([401, 401, 401, 401, 429, 429, 429, 429]);
    for (let count = 0; count < 20; count += 1) expect((await list(operator)).status).toBe(200);
    expect((await fetch(`${served.url}/health`)).status).toBe(200);
  });

  test("a path that does not exist is no way to try tokens, or to call, without being counted", async () => {
    await begin({ callsPerPeer: 4, callsPerAgent: 2, callWindowMs });
    const operator = await served.token("operator", "operator");
    const nowhere = async (token: string) => (await served.rest(token, "GET", "/v1/nowhere")).status;
    expect([await nowhere(operator), await nowhere(operator)]).toEqual([404, 404]);
    expect(await nowhere(operator)).toBe(429);
    const flood: number[] = [];
    for (let count = 0; count < 5; count += 1) flood.push(await nowhere(`rubbish.${count}.x`));
    expect(flood).toEqual([404, 404, 404, 429, 429]);
  });

  test("a token that was revoked is no good one any more", async () => {
    await begin({ callsPerPeer: 2, callWindowMs });
    const { token, jti } = await world.workspace.tokens.issue({
      ...{ agentId: "ann", role: "participant", sessionId: "s", lifetimeMs: 60_000 },
    });
    expect((await list(token)).status).toBe(200);
    await world.store.transaction((tx) =>
      tx.revokeToken({ jti, expiresAt: tx.now + 60_000, by: "operator", reason: "lost" }),
    );
    world.workspace.tokens.noteRevoked(jti);
    expect((await list(token)).status).toBe(401);
    expect((await list(token)).status).toBe(401);
    expect((await list(token)).status).toBe(429);
  });
});

describe("limits on requests", () => {
  test("a body may nest as deep as allowed, and not one level deeper", async () => {
    await begin({ bodyDepth: 5 });
    const operator = await served.token("operator", "operator");
    const nested = (levels: number): unknown => (levels === 0 ? "x" : [nested(levels - 1)]);
    const register = (levels: number) =>
      served.rest(operator, "PUT", "/v1/agents/bob", {
        body: { kind: "generic", definition: { command: ["true"], note: nested(levels) } },
      });
    expect(await register(3)).toMatchObject({ status: 200 });
    expect(await register(4)).toMatchObject({ status: 400, body: { code: "invalid_input" } });
    const deep = await fetch(`${served.url}/v1/threads`, {
      method: "POST",
      headers: { authorization: `Bearer ${operator}`, "content-type": "application/json" },
      body: `{"title":${"[".repeat(100_000)}${"]".repeat(100_000)}}`,
    });
    expect(deep.status).toBe(400);
    expect(served.failures).toEqual([]);
  });

  test("a sender that does not come to an end is cut off with a problem", async () => {
    await begin({ requestTimeoutMs: 200 });
    const token = await served.token("ann");
    const head = `POST /v1/threads HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\n`;
    const socket = connect(Number(new URL(served.url).port), "127.0.0.1");
    socket.write(`${head}Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{"title":`);
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 408 .*application\/problem\+json.*"code":"request_timeout"/s);
    expect(answer).toMatch(/"retryable":true/);
  });

  test("what is no HTTP is refused as a problem, and harms nobody", async () => {
    await begin({});
    const socket = connect(Number(new URL(served.url).port), "127.0.0.1");
    socket.end("HELO mail.example\r\n\r\n");
    expect(await text(socket)).toMatch(/^HTTP\/1\.1 400 .*"code":"invalid_input"/s);
    const long = connect(Number(new URL(served.url).port), "127.0.0.1");
    long.on("error", () => undefined);
    long.write(`GET /health HTTP/1.1\r\nHost: localhost\r\nx-long: ${"x".repeat(40_000)}\r\n\r\n`);
    expect(await text(long)).toMatch(/^HTTP\/1\.1 400 .*"code":"invalid_input"/s);
    expect((await fetch(`${served.url}/health`)).status).toBe(200);
  });

  test("answers are no pages: browsers are told neither to run, frame nor guess at them", async () => {
    await begin({});
    for (const path of ["/health", "/v1/threads", "/v1/openapi.json"]) {
      const { headers } = await fetch(`${served.url}${path}`);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("content-security-policy")).toBe("default-src 'none'; frame-ancestors 'none'");
      expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
      expect(headers.get("cache-control")).toBe("no-store");
      expect(headers.has("access-control-allow-origin")).toBe(false);
    }
  });
});

describe("probes", () => {
  const ask = async (path: string) => {
    const response = await fetch(`${served.url}${path}`);
    return [response.status, ((await response.json()) as { status: unknown }).status];
  };

  test("readiness is refused in time when the database hangs, and life is not", async () => {
    await begin({});
    const transaction = world.store.transaction.bind(world.store);
    world.store.transaction = () => new Promise(() => {});
    expect(await ask("/ready")).toEqual([503, 503]);
    expect(await ask("/health")).toEqual([200, "ok"]);
    world.store.transaction = transaction;
    expect(await ask("/ready")).toEqual([200, "ready"]);
  });

  test("a draining node lives and is not ready", async () => {
    await begin({});
    const sockets = ["/health", "/ready"].map((path) => {
      const socket = connect(Number(new URL(served.url).port), "127.0.0.1");
      return { socket, path };
    });
    const begun = sockets.map(
      ({ socket, path }) =>
        new Promise<void>((resolve) => {
          served.server.server.once("connection", (connection) => connection.once("data", () => resolve()));
          socket.write(`GET ${path} HTTP/1.1\r\nHost: localhost\r\n`);
        }),
    );
    await Promise.all(begun);
    const closed = closeServer(served.server, 5_000);
    for (const { socket } of sockets) socket.write("\r\n");
    const [health, ready] = await Promise.all(sockets.map(({ socket }) => text(socket)));
    expect(health).toMatch(/^HTTP\/1\.1 200 [^]*"status":"draining"/);
    expect(ready).toMatch(/^HTTP\/1\.1 503 [^]*"code":"draining"/);
    await closed;
  });
});

test("a node that cannot keep up says so instead of answering ever later", async () => {
  await begin({});
  const server = Fastify();
  server.setErrorHandler((error, request, reply) =>
    sendProblem(error, { request, reply, onError: () => {} }),
  );
  server.get("/health", () => "ok");
  await server.register(async (scope) => {
    await refuseUnderPressure(scope, 30, 60);
    scope.get("/work", () => "done");
  });
  expect((await server.inject("/work")).statusCode).toBe(200);
  const end = performance.now() + 300;
  while (performance.now() < end);
  let refused = await server.inject("/work");
  await expect
    .poll(
      async () =>
        (refused.statusCode === 503 ? refused : (refused = await server.inject("/work"))).statusCode,
    )
    .toBe(503);
  expect(refused.json()).toMatchObject({ code: "overloaded", retryable: true });
  expect(refused.headers["retry-after"]).toBe("2");
  expect((await server.inject("/health")).statusCode).toBe(200);
  await expect.poll(async () => (await server.inject("/work")).statusCode).toBe(200);
  await server.close();
});
