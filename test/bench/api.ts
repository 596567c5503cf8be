import { setTimeout as pause } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Connection, load, written } from "./api/http-load.ts";
import { PostCost, type UsPerPost } from "./api/post-cost.ts";
import { startPlain } from "./api/plain-process.ts";
import {
  mcpPost,
  openWorkspace,
  plainPost,
  requireOk,
  restPost,
  type BenchWorkspace,
} from "./api/workspace.ts";
import type { Database } from "../../persistence/postgres/connect.ts";
import { openBenchDatabase } from "./engine/bench-database.ts";
import { median, rounded } from "./engine/median.ts";
import { startNode, type NodeUnderTest } from "./node-process.ts";
import { quantiles, type Quantiles } from "./quantiles.ts";

/**
 * `npm run bench -- api [--json] [--rounds N] [--seconds N]`. A node as it is deployed, and a plain Fastify server that inserts
 * one row, both on the same database, each a process of its own; this process makes the load, over 8 connections.
 */
export interface ApiFigures {
  /** Calls per second, ours ÷ the plain server's; medians of interleaved rounds. */
  mcp_vs_plain_insert: number;
  rest_vs_plain_insert: number;
  /** REST, 50 posts a second. Milliseconds. */
  post_ms: Quantiles;
  /** From sending a post until a waiting reader has it; otherwise idle. Milliseconds. */
  visible_ms: Quantiles;
  visible_on_stream_ms: Quantiles;
  /** Processor time, until what the post made to do is done, too; null of a server elsewhere. Microseconds. */
  us_per_post: { rest: UsPerPost; mcp: UsPerPost };
  per_second: { plain: number; rest: number; mcp: number; rest_read: number };
  /** 8 writers and 8 readers on one thread. */
  hot_thread: { posts_per_second: number; reads_per_second: number; post_ms: Quantiles; read_ms: Quantiles };
  /** 48 agents that each look for news 5 times a second, with 10 posts a second beside them. */
  polling: { polls_per_second: number; poll_ms: Quantiles; post_ms: Quantiles };
}

export interface ApiOptions {
  rounds: number;
  seconds: number;
  say: (text: string) => void;
}

const connections = 8;

export async function benchApi(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      json: { type: "boolean", default: false },
      rounds: { type: "string", default: "7" },
      seconds: { type: "string", default: "2" },
    },
  });
  const figures = await measureApi({
    rounds: Number(values.rounds),
    seconds: Number(values.seconds),
    say: (text) => console.error(text),
  });
  if (values.json) console.log(JSON.stringify(figures));
  else console.dir(figures, { depth: null });
}

export async function measureApi(options: ApiOptions): Promise<ApiFigures> {
  const database = await openBenchDatabase();
  const plain = await startPlain(database.url);
  const limits = { callsPerAgent: 1_000_000, callsPerPeer: 1_000_000, overloadedDelayMs: 0 };
  const node = await startNode({ databaseUrl: database.url, http: limits, logLevel: "error" });
  try {
    const workspace = await openWorkspace(node, { threads: 64, readers: 48 });
    const ratios = await measureRatios(
      { plain: plain.url, node, database: database.database, workspace },
      options,
    );
    await settled(node);
    options.say("50 posts a second");
    const post = await postsAtRate(node.url, workspace, { perSecond: 50, seconds: 4 * options.seconds });
    await settled(node);
    options.say("post → visible");
    const visible = await postsUntilVisible(node.url, workspace, 100);
    const onStream = await postsUntilStreamed(node.url, workspace, 100);
    options.say("hot thread");
    const hot = await hotThread(node.url, workspace, 2 * options.seconds);
    await settled(node);
    options.say("polling");
    const polling = await manyPollers(node.url, workspace, 4 * options.seconds);
    return {
      ...ratios,
      post_ms: quantiles(post),
      visible_ms: visible,
      visible_on_stream_ms: onStream,
      hot_thread: hot,
      polling,
    };
  } finally {
    await node.remove();
    await plain.stop();
    await database.remove();
  }
}

interface Contest {
  plain: string;
  node: NodeUnderTest;
  database: Database;
  workspace: BenchWorkspace;
}

async function measureRatios(
  { plain, node, database, workspace }: Contest,
  { rounds, seconds, say }: ApiOptions,
) {
  const { threads, token } = workspace;
  const threadOf = (index: number): string => threads[1 + (index % (threads.length - 1))] ?? "";
  const read = (index: number): string =>
    written({ method: "GET", path: `/v1/threads/${threadOf(index)}/messages?limit=1&after_seq=0`, token });
  let posted = 0;
  const contenders = {
    plain: { url: plain, request: (index: number) => plainPost(threadOf(index), (posted += 1)) },
    rest: { url: node.url, request: (index: number) => restPost(token, threadOf(index), (posted += 1)) },
    mcp: { url: node.url, request: (index: number) => mcpPost(token, threadOf(index), (posted += 1)) },
    rest_read: { url: node.url, request: read },
  };
  type Name = keyof typeof contenders;
  const names = Object.keys(contenders) as Name[];
  const found: Record<Name, number[]> = { plain: [], rest: [], mcp: [], rest_read: [] };
  const cost = { rest: new PostCost(node, database), mcp: new PostCost(node, database) };
  // The first round warms up.
  for (let round = 0; round <= rounds; round += 1) {
    const order = round % 2 === 0 ? names : names.toReversed();
    for (const name of order) {
      const contest = { ...contenders[name], connections, seconds, check: requireOk };
      const measure = async () => {
        const { perSecond, latencies } = await load(contest);
        if (round > 0) found[name].push(perSecond);
        // What the posts made to do is done before the next one begins.
        await settled(node);
        return latencies.length;
      };
      if (round > 0 && (name === "rest" || name === "mcp")) await cost[name].of(measure);
      else await measure();
    }
    say(
      `round ${round}: ${names.map((name) => `${name} ${found[name].at(-1)?.toFixed(0) ?? "-"}`).join(", ")}`,
    );
  }
  const ratioOf = (name: Name) =>
    rounded(median(found[name].map((each, round) => each / (found.plain[round] ?? Number.NaN))));
  const perSecond = (name: Name) => rounded(median(found[name]), 0);
  return {
    mcp_vs_plain_insert: ratioOf("mcp"),
    rest_vs_plain_insert: ratioOf("rest"),
    us_per_post: { rest: cost.rest.median(), mcp: cost.mcp.median() },
    per_second: {
      plain: perSecond("plain"),
      rest: perSecond("rest"),
      mcp: perSecond("mcp"),
      rest_read: perSecond("rest_read"),
    },
  };
}

/** Each post at its time, whether or not those before it were answered. */
async function postsAtRate(
  url: string,
  { threads, token }: BenchWorkspace,
  { perSecond, seconds }: { perSecond: number; seconds: number },
): Promise<number[]> {
  const free = await Promise.all(Array.from({ length: connections }, () => Connection.open(url)));
  const latencies: number[] = [];
  const sending: Promise<void>[] = [];
  const startedAt = performance.now();
  const count = perSecond * seconds;
  for (let index = 0; index < count; index += 1) {
    const dueAt = startedAt + (index * 1_000) / perSecond;
    const waitMs = dueAt - performance.now();
    if (waitMs > 0) await pause(waitMs);
    sending.push(sendOne(index, dueAt));
  }
  await Promise.all(sending);
  for (const connection of free) connection.close();
  return latencies;

  async function sendOne(index: number, dueAt: number): Promise<void> {
    const connection = free.pop() ?? (await Connection.open(url));
    requireOk(await connection.send(restPost(token, threads[1 + (index % 63)] ?? "", 1_000_000 + index)));
    // From when it was due: a post that had to wait for its turn is late.
    latencies.push(performance.now() - dueAt);
    free.push(connection);
  }
}

const aroundMs = 40;

/** A reader waits in read_messages; the post comes from another connection. */
async function postsUntilVisible(
  url: string,
  { threads, token }: BenchWorkspace,
  count: number,
): Promise<Quantiles> {
  const thread = threads[2] ?? "";
  const [reader, writer] = await Promise.all([Connection.open(url), Connection.open(url)]);
  const head = JSON.parse(
    (await reader.send(written({ method: "GET", path: `/v1/threads/${thread}`, token }))).body,
  ) as {
    thread: { head_seq: number };
  };
  let after = head.thread.head_seq;
  const found: number[] = [];
  for (let index = 0; index < count; index += 1) {
    const path = `/v1/threads/${thread}/messages?after_seq=${after}&limit=1&wait_s=20`;
    const answer = reader.send(written({ method: "GET", path, token }));
    await pause(aroundMs);
    const at = performance.now();
    const posted = writer.send(restPost(token, thread, 2_000_000 + index));
    const { messages } = JSON.parse((await answer).body) as { messages: unknown[] };
    found.push(performance.now() - at);
    if (messages.length !== 1) throw new Error("the reader came back without the message");
    requireOk(await posted);
    after += 1;
  }
  reader.close();
  writer.close();
  return quantiles(found);
}

/** The same for a follower of the event stream: after the turn of the thread's actor. */
async function postsUntilStreamed(
  url: string,
  { threads, token }: BenchWorkspace,
  count: number,
): Promise<Quantiles> {
  const thread = threads[3] ?? "";
  const abort = new AbortController();
  const stream = await fetch(`${url}/v1/events?thread_id=${thread}&types=message.posted`, {
    headers: { authorization: `Bearer ${token}` },
    signal: abort.signal,
  });
  const writer = await Connection.open(url);
  const found: number[] = [];
  let arrived = Promise.withResolvers<void>();
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const part of stream.body ?? []) {
      if (decoder.decode(part as Uint8Array).includes("message.posted")) arrived.resolve();
    }
  })().catch(() => {});
  for (let index = 0; index < count; index += 1) {
    await pause(aroundMs);
    arrived = Promise.withResolvers();
    const at = performance.now();
    const posted = writer.send(restPost(token, thread, 3_000_000 + index));
    await arrived.promise;
    found.push(performance.now() - at);
    requireOk(await posted);
  }
  abort.abort();
  await reading;
  writer.close();
  return quantiles(found);
}

async function hotThread(url: string, { threads, token, readers }: BenchWorkspace, seconds: number) {
  const thread = threads[0] ?? "";
  const path = `/v1/threads/${thread}/messages?after_seq=0&limit=20`;
  const tokenOf = (index: number): string => readers[index % readers.length]?.token ?? token;
  const [posts, reads] = await Promise.all([
    load({
      url,
      connections,
      seconds,
      check: requireOk,
      request: (index) => restPost(token, thread, 4_000_000 + index),
    }),
    load({
      ...{ url, connections, seconds, check: requireOk },
      request: (index) => written({ method: "GET", path, token: tokenOf(index) }),
    }),
  ]);
  return {
    posts_per_second: rounded(posts.perSecond, 0),
    reads_per_second: rounded(reads.perSecond, 0),
    post_ms: quantiles(posts.latencies),
    read_ms: quantiles(reads.latencies),
  };
}

const pollEveryMs = 200;

async function manyPollers(url: string, workspace: BenchWorkspace, seconds: number) {
  const thread = workspace.threads[0] ?? "";
  const endsAt = performance.now() + seconds * 1_000;
  const polls: number[] = [];
  const poll = async ({ token }: { token: string }, index: number): Promise<void> => {
    const connection = await Connection.open(url);
    const request = written({ method: "GET", path: `/v1/threads/${thread}/messages?limit=5`, token });
    await pause((index * pollEveryMs) / workspace.readers.length);
    while (performance.now() < endsAt) {
      const at = performance.now();
      requireOk(await connection.send(request));
      polls.push(performance.now() - at);
      await pause(Math.max(0, pollEveryMs - (performance.now() - at)));
    }
    connection.close();
  };
  const [posts] = await Promise.all([
    postsAtRate(url, workspace, { perSecond: 10, seconds }),
    ...workspace.readers.map(poll),
  ]);
  return {
    polls_per_second: rounded(polls.length / seconds, 0),
    poll_ms: quantiles(polls),
    post_ms: quantiles(posts),
  };
}

/** No mail waits: what earlier posts made to do is done. */
async function settled(node: NodeUnderTest): Promise<void> {
  for (;;) {
    const { mail } = await node.call<{ mail: number }>("GET", "/v1/status");
    if (mail === 0) return;
    await pause(100);
  }
}
