import { afterEach, beforeEach, expect, test } from "vitest";
import { closeServer } from "../../../api/http/listen.ts";
import { peerKind } from "../../../api/http/refused-requests.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { createWorld, type World } from "../world.ts";
import { serve, type Served } from "./client.ts";

/** Refusals that no operation saw: with a token one row each, without one a bounded count. */

let world: World;
let served: Served;
beforeEach(async () => {
  world = await createWorld();
  served = await serve(world);
});
afterEach(() => closeServer(served.server, 1_000));

const refusals = async () => (await world.audit()).filter(({ outcome }) => outcome === "refused");
const post = (path: string, init: RequestInit) => fetch(`${served.url}${path}`, { method: "POST", ...init });

test("a body that is no JSON, too large, or contradicts its address is on record with who sent it", async () => {
  const token = await served.token("bob");
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const path = "/v1/threads/th-1/messages";
  await post(path, { headers, body: "{canary-secret" });
  await post(path, { headers, body: JSON.stringify({ body: "x".repeat(600_000) }) });
  await post(path, { headers, body: JSON.stringify({ thread_id: "th-2", body: "canary-secret" }) });
  const rows = (await refusals()).toReversed();
  const by = { actor: "bob", role: "participant", operation: "post_message", outcome: "refused" };
  expect(rows).toMatchObject([
    { ...by, code: "invalid_input" },
    { ...by, code: "body_too_large" },
    { ...by, code: "invalid_input" },
  ]);
  expect(JSON.stringify(rows)).not.toContain("canary-secret");
  for (const { requestId } of rows) expect(requestId).not.toBeNull();
});

test("what an operation refused is on record once", async () => {
  const answer = await served.rest(await served.token("bob"), "POST", "/v1/tokens", { body: {} });
  expect(answer.body).toMatchObject({ code: "forbidden" });
  expect(await refusals()).toHaveLength(1);
});

test("requests without a good token are counted, not stored one by one", async () => {
  for (let count = 0; count < 5; count += 1)
    await post("/v1/threads", { headers: { authorization: "Bearer x" } });
  for (let count = 0; count < 3; count += 1) await post("/mcp", {});
  await fetch(`${served.url}/nowhere`);
  expect(await refusals()).toEqual([]);
  await closeServer(served.server, 1_000);
  const counted = (await refusals()).map(({ actor, role, operation, code, details }) => {
    const { count, surface, peer } = details as { count: number; surface: string; peer: string };
    return { actor, role, operation, code, count, surface, peer };
  });
  const nobody = { actor: "anonymous", role: "anonymous", peer: "loopback" };
  expect(counted.toSorted((a, b) => b.count - a.count)).toEqual([
    { ...nobody, operation: "request", code: "unauthenticated", count: 5, surface: "rest" },
    { ...nobody, operation: "mcp", code: "unauthenticated", count: 3, surface: "mcp" },
    { ...nobody, operation: "request", code: "not_found", count: 1, surface: "rest" },
  ]);
});

test("what does not exist, a path or a tool, is on record with who asked for it; a flood leaves few rows", async () => {
  const token = await served.token("bob");
  const nowhere = (path: string) => served.rest(token, "GET", path);
  const call = (name: string) =>
    served.rest(token, "POST", "/mcp", {
      headers: { accept: "application/json, text/event-stream" },
      body: { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: {} } },
    });
  expect(await nowhere("/v1/nowhere?x=canary-secret")).toMatchObject({ status: 404 });
  expect(await call(`drop_all${"x".repeat(500)}`)).toMatchObject({ body: { error: { code: -32_602 } } });
  const rows = (await refusals()).toReversed();
  const by = { actor: "bob", role: "participant", code: "not_found" };
  expect(rows).toMatchObject([
    { ...by, operation: "request", details: { asked_for: "GET /v1/nowhere" } },
    { ...by, operation: "mcp", details: { asked_for: expect.stringMatching(/^drop_allx{92}$/) as string } },
  ]);
  expect(JSON.stringify(rows)).not.toContain("canary-secret");
  for (let count = 0; count < 100; count += 1) await nowhere(`/v1/nowhere/${count}`);
  for (let count = 0; count < 10; count += 1) await call("drop_all");
  expect(await refusals()).toHaveLength(60);
  await world.clock.advance(60_000);
  await call("drop_none");
  expect((await refusals())[0]).toMatchObject({
    details: { asked_for: "drop_none", left_out_before: 52 },
  });
});

test("a refusal that cannot be written down is not told: the call failed and may be repeated", async () => {
  const token = await served.token("bob");
  const original = world.store.transaction.bind(world.store);
  world.store.transaction = (work, options) =>
    original(async (tx) => work({ ...tx, appendAudit: () => Promise.reject(new Error("planted")) }), options);
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const response = await post("/v1/threads", { headers, body: "{" });
  expect(response.status).toBe(500);
  world.store.transaction = original;
});

test("who asks for a path that does not exist hears nothing of it while nobody can tell who asks", async () => {
  const token = await served.token("bob");
  const original = world.store.transaction.bind(world.store);
  world.store.transaction = () => Promise.reject(new RouseError("database_unavailable", "planted"));
  await world.clock.advance(10_000);
  expect(await served.rest(token, "GET", "/v1/nowhere")).toMatchObject({ status: 503 });
  world.store.transaction = original;
});

test("peers are told apart as coarsely as a bounded count needs", () => {
  const kinds: [ip: string, kind: string][] = [
    ["127.0.0.1", "loopback"],
    ["::1", "loopback"],
    ["::ffff:127.0.0.1", "loopback"],
    ["10.1.2.3", "private"],
    ["172.20.0.1", "private"],
    ["172.32.0.1", "public"],
    ["192.168.1.1", "private"],
    ["100.64.0.1", "private"],
    ["fd00::1", "private"],
    ["fe80::1", "private"],
    ["8.8.8.8", "public"],
    ["2001:db8::1", "public"],
  ];
  expect(kinds.map(([ip]) => [ip, peerKind(ip)])).toEqual(kinds);
});
