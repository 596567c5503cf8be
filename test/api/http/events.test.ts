import { connect } from "node:net";
import { Writable } from "node:stream";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EventStream } from "../../../api/http/event-stream.ts";
import { JournalFeed } from "../../../api/http/journal-feed.ts";
import type { HttpLimits } from "../../../api/http/limits.ts";
import { closeServer } from "../../../api/http/listen.ts";
import { EventLens } from "../../../api/operations/event-lens.ts";
import { eventShape, eventTypes } from "../../../api/operations/event-view.ts";
import { RouseError } from "../../../runtime/errors.ts";
import { createMemoryStore } from "../../../persistence/memory/store.ts";
import { callerOf, createWorld, type World } from "../world.ts";
import { serve, serveWith, type Served } from "./client.ts";
import { readEvents, type EventReader, type ReaderOptions } from "./event-reader.ts";

let world: World;
let served: Served;
let ann: string;
let operator: string;
const open = new Set<EventReader>();

const begin = async (limits: Partial<HttpLimits> = {}): Promise<void> => {
  served = await serveWith(limits, world);
  ann = await served.token("ann");
  operator = await served.token("operator", "operator");
};
beforeEach(async () => {
  world = await createWorld();
});
afterEach(async () => {
  for (const reader of open) reader.close();
  open.clear();
  await closeServer(served.server, 1_000);
});

const follow = async (token: string, options: ReaderOptions = {}): Promise<EventReader> => {
  const reader = await readEvents(served.url, token, options);
  open.add(reader);
  return reader;
};
const createThread = (id: string, participants = ["bob"]) =>
  world.call("create_thread", callerOf(world, "ann"), { thread_id: id, title: id, participants });
const post = async (thread: string, agent = "ann") => {
  await world.call("post_message", callerOf(world, agent), { thread_id: thread, body: "Look" });
  await world.settle();
};
const typesOf = (reader: EventReader) => reader.events.map(({ type }) => type);

describe("the stream of events", () => {
  test("tells what happens, typed and versioned, by ids that go up", async () => {
    await begin();
    const reader = await follow(operator);
    expect(reader.status).toBe(200);
    expect(reader.headers.get("content-type")).toBe("text/event-stream; charset=utf-8");
    await createThread("th-1");
    await post("th-1");
    await world.call("ack_read", callerOf(world, "bob"), { thread_id: "th-1", seq: 1 });
    await world.settle();
    await world.call("update_thread_status", callerOf(world, "op", "operator"), {
      ...{ thread_id: "th-1", status: "blocked", reason: "stop" },
    });
    await world.settle();
    const expected = [
      "thread.created",
      "participant.joined",
      "participant.joined",
      "message.posted",
      "participant.attention_changed",
      "participant.read",
      "participant.attention_changed",
      "thread.status_changed",
      "escalation.raised",
    ];
    const events = await reader.until(expected.length);
    expect(typesOf(reader)).toEqual(expected);
    for (const event of events) expect(eventShape.parse(event)).toEqual(event);
    expect(events[3]).toMatchObject({
      ...{ schema_version: 1, event_version: 1, thread_id: "th-1", agent_id: "ann", actor: "thread/th-1" },
      data: { seq: 1, author: "ann" },
    });
    expect(events[7]).toMatchObject({ data: { status: "blocked", by: "op", reason: "stop" } });
    const ids = events.map(({ event_id }) => event_id.split(".").map(Number));
    const sorted = ids.toSorted(([a = 0, i = 0], [b = 0, j = 0]) => a - b || i - j);
    expect(ids).toEqual(sorted);
    expect(reader.lastId()).toBe(events.at(-1)?.event_id);
  });

  test("goes on after the last id, with nothing missing and nothing twice, wherever it was cut", async () => {
    await begin();
    await createThread("th-1");
    for (let count = 0; count < 3; count += 1) await post("th-1");
    await world.call("update_thread_status", callerOf(world, "op", "operator"), {
      ...{ thread_id: "th-1", status: "blocked", reason: "stop" },
    });
    await world.settle();
    const whole = await follow(operator, { query: "?after=0" });
    await post("th-1").catch(() => undefined);
    const all = (await whole.until(10)).map(({ event_id }) => event_id);
    for (const [index, id] of all.entries()) {
      const rest = await follow(operator, { lastEventId: id, query: "?after=0" });
      const wanted = all.slice(index + 1);
      expect((await rest.until(wanted.length)).map(({ event_id }) => event_id)).toEqual(wanted);
      rest.close();
    }
  });

  test("begins now unless told otherwise, and can be resumed before its first event", async () => {
    await begin();
    await createThread("th-1");
    const reader = await follow(operator);
    await expect.poll(() => reader.lastId()).not.toBe("");
    const from = reader.lastId();
    reader.close();
    await createThread("th-2");
    const later = await follow(operator, { lastEventId: from });
    expect(await later.until(3)).toMatchObject([{ thread_id: "th-2" }, {}, {}]);
  });

  test("shows a participant its own threads only, those it joins later included, and no runtimes", async () => {
    await begin({ streamHeartbeatMs: 20 });
    await createThread("th-1", ["bob"]);
    await createThread("th-2", ["cal"]);
    const bob = await served.token("bob");
    const reader = await follow(bob, { query: "?after=0" });
    const all = await follow(operator, { query: "?after=0" });
    await world.call("register_runtime", callerOf(world, "bob"), { agent_id: "bob", mode: "attach", pid: 1 });
    await post("th-2");
    await world.call("add_participant", callerOf(world, "ann"), { thread_id: "th-2", agent_id: "bob" });
    await post("th-2");
    await world.settle();
    const last = (await world.store.journalHorizon()).upTo;
    await expect.poll(() => all.lastId().split(".")[0]).toBe(last);
    await expect
      .poll(() => reader.events.filter(({ thread_id }) => thread_id === "th-2").length)
      .toBeGreaterThan(2);
    const seen = reader.events.filter(({ thread_id }) => thread_id === "th-2");
    expect(seen[0]).toMatchObject({ type: "participant.joined", agent_id: "bob" });
    expect(seen.map(({ type }) => type)).toContain("message.posted");
    expect(typesOf(reader)).not.toContain("runtime.registered");
    expect(all.events.find(({ type }) => type === "runtime.registered")).toMatchObject({ agent_id: "bob" });
  });

  test("is filtered by thread, agent and type", async () => {
    await begin();
    await createThread("th-1");
    await createThread("th-2");
    await post("th-1");
    await post("th-2", "bob");
    const of = async (query: string, count: number) => {
      const reader = await follow(operator, { query: `?after=0&${query}` });
      await reader.until(count);
      return reader.events.slice(0, count).map(({ type, thread_id }) => `${type} ${String(thread_id)}`);
    };
    expect(await of("types=message.posted", 2)).toEqual(["message.posted th-1", "message.posted th-2"]);
    expect(await of("types=message.posted,thread.created&thread_id=th-2", 2)).toEqual([
      "thread.created th-2",
      "message.posted th-2",
    ]);
    expect(await of("agent_id=bob&types=message.posted", 1)).toEqual(["message.posted th-2"]);
  });

  test.each([
    ["a foreign thread", "?thread_id=th-1", 403, "not_a_participant"],
    ["an unknown thread", "?thread_id=th-9", 404, "thread_not_found"],
    ["an unknown type", "?types=thread.exploded", 400, "invalid_input"],
    ["an unknown parameter", "?thread=th-1", 400, "invalid_input"],
    ["a place that is none", "?after=yesterday", 400, "invalid_input"],
    ["a place beyond all numbers", "?after=9999999999999999999", 400, "invalid_input"],
  ])("refuses %s before it begins", async (_what, query, status, code) => {
    await begin();
    await createThread("th-1");
    const eve = await served.token("eve");
    expect(await served.rest(eve, "GET", `/v1/events${query}`)).toMatchObject({ status, body: { code } });
    expect((await fetch(`${served.url}/v1/events`)).status).toBe(401);
  });

  test("keeps quiet connections alive, and lets the client resume past what was not for it", async () => {
    await begin({ streamHeartbeatMs: 20 });
    await createThread("th-1");
    const eve = await served.token("eve");
    const reader = await follow(eve);
    await expect.poll(() => reader.lastId()).not.toBe("");
    const before = Number(reader.lastId());
    await post("th-1");
    await expect.poll(() => Number(reader.lastId())).toBeGreaterThan(before);
    expect(reader.events).toEqual([]);
  });

  test("ends when the token is revoked, and says so", async () => {
    await begin();
    const issued = await world.workspace.tokens.issue({
      ...{ agentId: "ann", role: "participant", sessionId: "s", lifetimeMs: 60_000 },
    });
    const reader = await follow(issued.token);
    const kept = await follow(ann);
    await world.call("revoke_token", callerOf(world, "op", "operator"), { jti: issued.jti, reason: "lost" });
    await world.clock.advance(5_000);
    await reader.ended;
    expect(reader.reason()).toBe("token_revoked");
    expect(kept.reason()).toBeNull();
  });

  test("ends when the node drains, without holding it up, and says so", async () => {
    await begin();
    const readers = [await follow(ann), await follow(operator)];
    await closeServer(served.server, 60_000);
    for (const reader of readers) {
      await reader.ended;
      expect(reader.reason()).toBe("draining");
    }
  });

  test("is open a bounded number of times for one agent, and for all", async () => {
    await begin({ streamsPerAgent: 2, streams: 3 });
    const first = await follow(ann);
    await follow(ann);
    const tooMany = await served.rest(ann, "GET", "/v1/events");
    expect(tooMany).toMatchObject({ status: 429, body: { code: "rate_limited", details: { allowed: 2 } } });
    expect(tooMany.headers.get("retry-after")).toBe("2");
    await follow(operator);
    const bob = await served.token("bob");
    expect(await served.rest(bob, "GET", "/v1/events")).toMatchObject({
      ...{ status: 503, body: { code: "overloaded" } },
    });
    first.close();
    await expect.poll(async () => (await follow(bob)).status).toBe(200);
  });

  test("lets a client go that takes nothing, keeping no more for it than one event", async () => {
    await begin();
    await createThread("th-1");
    for (let count = 0; count < 20; count += 1) await post("th-1");
    const taken: string[] = [];
    const stuck = new Writable({
      highWaterMark: 1,
      decodeStrings: false,
      // Never done with it.
      write: (chunk: string) => void taken.push(chunk),
    });
    const { engine, tokens } = world.workspace;
    const caller = await tokens.verify(operator);
    const looks = { reads: 0 };
    const feed = new JournalFeed(engine, () => undefined);
    const read = feed.read.bind(feed);
    feed.read = (after) => ((looks.reads += 1), read(after));
    const stream = new EventStream({
      ...{ raw: stuck, caller, feed, watch: tokens.watch(caller), onError: () => undefined },
      lens: await EventLens.open(world.store, caller, {}),
      from: { journalId: 0n, index: null },
      timing: { heartbeatMs: 60_000, slowMs: 20 },
    });
    await stream.run();
    expect(stuck.destroyed).toBe(true);
    expect(taken).toHaveLength(1);
    expect(looks.reads).toBe(0);
    expect(stuck.writableLength).toBeLessThan(200);
  });

  test("waits for a client that is slow but takes something", async () => {
    await begin();
    await createThread("th-1");
    for (let count = 0; count < 20; count += 1) await post("th-1");
    const socket = connect(Number(new URL(served.url).port), "127.0.0.1");
    socket.write(
      `GET /v1/events?after=0 HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${operator}\r\n\r\n`,
    );
    let text = "";
    for await (const chunk of socket) {
      text += String(chunk);
      if (text.split("event: message.posted").length > 20) break;
    }
    expect(text.split("event: message.posted")).toHaveLength(21);
  });

  test("comes from every node: what one commits, followers of the other see", async () => {
    await begin();
    const store = world.store;
    const otherWorld = await createWorld(world.clock, store);
    const other = await serve(otherWorld);
    const reader = await readEvents(other.url, operator);
    await createThread("th-1");
    expect(await reader.until(3)).toMatchObject([{ type: "thread.created" }, {}, {}]);
    reader.close();
    await closeServer(other.server, 1_000);
  });

  test("outlasts a database that is away, and tells then what happened", async () => {
    await begin();
    const reader = await follow(operator);
    const look = world.store.journalHorizon.bind(world.store);
    let isAway = true;
    let looks = 0;
    world.store.journalHorizon = () => {
      looks += 1;
      return isAway ? Promise.reject(new RouseError("database_unavailable", "away")) : look();
    };
    await createThread("th-1");
    await expect.poll(() => looks).toBeGreaterThan(2);
    expect(served.failures).toHaveLength(1);
    isAway = false;
    expect(await reader.until(3)).toHaveLength(3);
    expect(reader.reason()).toBeNull();
  });

  test("belongs to a workspace, whatever is asked", async () => {
    const neighbour = await createWorld(
      world.clock,
      createMemoryStore({ workspaceId: "other", clock: world.clock }),
    );
    served = await serve(world, neighbour);
    await createThread("th-1");
    const { token } = await neighbour.workspace.tokens.issue({
      ...{ agentId: "ann", role: "operator", sessionId: "s", lifetimeMs: 60_000 },
    });
    const reader = await follow(token, { query: "?after=0" });
    await neighbour.call("create_thread", callerOf(neighbour, "zoe"), { thread_id: "th-9", title: "x" });
    expect(await reader.until(2)).toMatchObject([{ thread_id: "th-9" }, { thread_id: "th-9" }]);
    expect(await served.rest(token, "GET", "/v1/events?thread_id=th-1")).toMatchObject({ status: 404 });
  });
});

describe("the history of events", () => {
  test("is read in pages that join without a gap, whatever their size", async () => {
    await begin();
    await createThread("th-1");
    for (let count = 0; count < 4; count += 1) await post("th-1");
    const page = async (cursor: string, limit: number) =>
      (await served.rest(operator, "GET", `/v1/events/history?limit=${limit}&cursor=${cursor}`))
        .body as unknown as {
        events: { event_id: string }[];
        next_cursor: string;
        has_more: boolean;
      };
    const whole = (await page("0", 100)).events.map(({ event_id }) => event_id);
    expect(whole.length).toBeGreaterThan(6);
    for (const limit of [1, 2, 3]) {
      const found: string[] = [];
      let cursor = "0";
      for (let more = true; more;) {
        const { events, next_cursor, has_more } = await page(cursor, limit);
        found.push(...events.map(({ event_id }) => event_id));
        cursor = next_cursor;
        more = has_more;
      }
      expect(found).toEqual(whole);
      // More will happen: the place after the last page is one to go on from.
      await post("th-1");
      const { events } = await page(cursor, 100);
      expect(events.length).toBeGreaterThan(0);
      whole.push(...events.map(({ event_id }) => event_id));
    }
  });

  test("shows a participant its own threads only", async () => {
    await begin();
    await createThread("th-1", ["bob"]);
    const eve = await served.token("eve");
    const { body } = await served.rest(eve, "GET", "/v1/events/history");
    expect(body).toMatchObject({ events: [], has_more: false });
    const bob = await served.token("bob");
    expect((await served.rest(bob, "GET", "/v1/events/history")).body).toMatchObject({
      events: [{ type: "thread.created" }, {}, {}],
    });
  });

  test("knows its types, each named once", () => {
    expect(new Set(eventTypes).size).toBe(eventTypes.length);
    expect(eventTypes.filter((type) => !/^[a-z]+\.[a-z_]+$/.test(type))).toEqual([]);
  });
});
