import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { connect, type Database } from "../../../persistence/postgres/connect.ts";
import type { ActorRecord } from "../../../runtime/kernel.ts";
import { createTestDatabase, type TestDatabase } from "../../setup/database.ts";
import { Collector, type ReceivedSpan } from "./collector.ts";
import { RealNode, until } from "./real-node.ts";

let testDatabase: TestDatabase;
let database: Database;
let collector: Collector;
const nodes: RealNode[] = [];
let workspaces = 0;
let workspace: string;

beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = connect({ url: testDatabase.url, max: 1 });
  collector = await Collector.open();
});
afterEach(async () => {
  for (const node of nodes.splice(0)) await node.remove();
});
afterAll(async () => {
  await collector.close();
  await database.close();
  await testDatabase.drop();
});

interface StartOptions {
  environment?: NodeJS.ProcessEnv;
  config?: object;
  home?: string;
}

async function startNode({ home, ...more }: StartOptions = {}): Promise<RealNode> {
  const environment = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_BSP_SCHEDULE_DELAY: "100",
    ...more.environment,
  };
  const options = { databaseUrl: testDatabase.url, workspace, ...more, environment };
  const node = await (home === undefined ? RealNode.start(options) : RealNode.startIn(home, options));
  nodes.push(node);
  return node;
}

const traceId = (n: number): string => String(n).padStart(32, "a");

async function post(node: RealNode, trace: string): Promise<void> {
  const headers = { traceparent: `00-${trace}-${"b".repeat(16)}-01` };
  await node.call("POST", "/v1/threads/th-1/messages", { body: { body: "Look" }, headers });
}

/** Names from the first span down to this one. */
function pathOf(span: ReceivedSpan | undefined, spans: readonly ReceivedSpan[]): string[] {
  if (span === undefined) return [];
  const parent = spans.find(({ spanId }) => spanId === span.parentSpanId);
  return [...pathOf(parent, spans), span.name];
}

const isOf = (name: string, actor?: string) => (span: ReceivedSpan) =>
  span.name === name && (actor === undefined || span.attributes["rouse.actor"] === actor);

const rowsWithTrace = async (): Promise<number> => {
  const [row] = await database.sql`
    select (select count(*) from rouse.journal where workspace_id = ${workspace} and entry like '%traceparent%')
      + (select count(*) from rouse.effect where workspace_id = ${workspace} and input like '%traceparent%')
      + (select count(*) from rouse.timer where workspace_id = ${workspace} and event like '%traceparent%') as n`;
  return Number(row?.["n"]);
};

/** Charts must not keep what merely passes through. */
const snapshotsWithTrace = async (): Promise<number> => {
  const rows = await database.sql`select record from rouse.actor where workspace_id = ${workspace}`;
  const snapshots = rows.map((row) =>
    JSON.stringify((JSON.parse(row["record"] as string) as ActorRecord).snapshot),
  );
  return snapshots.filter((text) => text.includes("traceparent")).length;
};

describe("a trace", () => {
  test(
    "leads from the call over the turns of thread and participant and the effect that typed to the ack",
    { timeout: 60_000 },
    async () => {
      workspace = `w${(workspaces += 1)}`;
      const node = await startNode();
      await node.launch("bob");
      await node.call("POST", "/v1/threads", {
        body: { thread_id: "th-1", title: "x", participants: ["bob"] },
      });
      const trace = traceId(1);
      await post(node, trace);
      await until("the wake's span", async () => collector.trace(trace).some(isOf("wake")), 60_000);
      await node.end("bob");
      await until("all spans of the typing", async () =>
        collector.trace(trace).some(isOf("effect deliverWake")),
      );
      const spans = collector.trace(trace);
      const participant = "turn participant";
      expect(pathOf(spans.find(isOf("turn thread")), spans)).toEqual(["post_message", "turn thread"]);
      expect(pathOf(spans.find(isOf(participant)), spans)).toEqual(["post_message", participant]);
      const typed = pathOf(spans.find(isOf("effect deliverWake")), spans);
      expect(typed.slice(0, 2)).toEqual(["post_message", participant]);
      expect(new Set(typed.slice(1, -1))).toEqual(new Set([participant]));
      // What the participant learned from it, and the wait for the ack, stand below the same post.
      const wake = spans.find(isOf("wake"));
      expect(pathOf(wake, spans).slice(0, 2)).toEqual(["post_message", participant]);
      expect(wake?.attributes["rouse.wake"]).toBe("th-1.bob.1");
      const settled = spans.find(({ attributes }) =>
        JSON.stringify(attributes).includes("xstate.done.actor.deliverWake"),
      );
      expect(pathOf(settled, spans).slice(-2)).toEqual(["effect deliverWake", participant]);
      expect(await rowsWithTrace()).toBeGreaterThan(3);
      expect(await snapshotsWithTrace()).toBe(0);
    },
  );

  test(
    "goes on when the node is killed after the post: the next one types, and sees the ack",
    { timeout: 90_000 },
    async () => {
      workspace = `w${(workspaces += 1)}`;
      // The second wake has to wait for so long: time to be killed in.
      const config = { wake: { wakesPerWindow: 1, wakeWindowMs: 8_000 } };
      const first = await startNode({ config });
      await first.launch("bob");
      await first.call("POST", "/v1/threads", {
        body: { thread_id: "th-1", title: "x", participants: ["bob"] },
      });
      await post(first, traceId(3));
      await until("the first wake is over", async () => (await first.metrics()).includes('outcome="read"'));
      const trace = traceId(2);
      await post(first, trace);
      await until("the first turn is sent", async () =>
        collector.trace(trace).some(isOf("turn participant")),
      );
      await first.kill();
      const killedAt = Date.now();
      expect(collector.trace(trace).some(isOf("effect deliverWake"))).toBe(false);
      // Where the agent that lives on knows it to be.
      const port = Number(new URL(first.file.url).port);
      const second = await startNode({ config: { ...config, port }, home: first.home });
      await until("the wake's span", async () => collector.trace(trace).some(isOf("wake")), 60_000);
      await second.end("bob");
      await until("the effect's span", async () => collector.trace(trace).some(isOf("effect deliverWake")));
      const spans = collector.trace(trace);
      const typing = spans.find(isOf("effect deliverWake"));
      expect(typing?.startedAt).toBeGreaterThan(killedAt);
      expect(pathOf(typing, spans).slice(0, 2)).toEqual(["post_message", "turn participant"]);
      const turns = spans.filter(isOf("turn participant")).map(({ startedAt }) => startedAt > killedAt);
      expect(new Set(turns)).toEqual(new Set([false, true]));
      expect(pathOf(spans.find(isOf("wake")), spans)[0]).toBe("post_message");
    },
  );
});
