import { readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { scriptedPatterns } from "../../adapters/agents/scripted/screen.ts";
import { startNode, type NodeUnderTest } from "./node-process.ts";
import { quantiles, type Quantiles } from "./quantiles.ts";

export interface WakeFigures {
  wakes: number;
  backend: string;
  /** Post acknowledged to the caller → first byte read by the program in the terminal. */
  wake_first_byte_ms: Quantiles;
  /** Post acknowledged to the caller → the program read Enter on the whole line. */
  wake_submitted_ms: Quantiles;
}

const unlimited = { wakesPerMinute: 100_000, threadWakesPerMinute: 100_000 };
/** A dormant agent was left alone for longer than a burst of messages takes (`wake.coalesceMs`). */
const restMs = 300;
const agent = "sleeper";
const thread = "bench";

/** Wakes an idle agent again and again, as deployed: node, Postgres and agent are processes of their own. */
export async function benchWake(options: { rounds: number; backend?: string }): Promise<WakeFigures> {
  const node = await startNode({ ...unlimited, wake: { wakesPerWindow: 100_000 } });
  try {
    const backend = await prepare(node, options.backend);
    const [firstByte, submitted]: [number[], number[]] = [[], []];
    for (let round = 1; round <= options.rounds; round += 1) {
      await pause(restMs);
      const postedAt = await post(node, round);
      const heard = await heardWake(node, round);
      firstByte.push(heard.firstByteAt - postedAt);
      submitted.push(heard.submittedAt - postedAt);
      await atRest(node);
      if (round % 20 === 0) process.stderr.write(`\r${round}/${options.rounds} wakes`);
    }
    process.stderr.write("\n");
    return {
      wakes: options.rounds,
      backend,
      wake_first_byte_ms: quantiles(firstByte),
      wake_submitted_ms: quantiles(submitted),
    };
  } finally {
    await node
      .call("POST", `/v1/runtimes/${agent}/stop`, { reason: "the benchmark is over" })
      .catch(() => {});
    await until(async () => (await runtimeState(node)) === "deregistered").catch(() => {});
    await node.remove();
  }
}

async function prepare(node: NodeUnderTest, backend?: string): Promise<string> {
  const program = fileURLToPath(new URL("timed-agent.ts", import.meta.url));
  const definition = {
    command: [process.execPath, program],
    cwd: node.home,
    env: { BENCH_LOG: join(node.home, "heard.jsonl") },
    prompt: { as: "typed" },
    patterns: scriptedPatterns,
    enterDelayMs: 60,
  };
  await node.call("PUT", `/v1/agents/${agent}`, { kind: "generic", definition });
  await node.call("POST", "/v1/threads", { title: "Wakes", thread_id: thread, participants: [agent] });
  const launched = await node.call<{ runtime: { backend: string } }>("POST", "/v1/runtimes", {
    agent_id: agent,
    runtime_id: agent,
    mode: "launch",
    ...(backend === undefined ? {} : { backend }),
  });
  await atRest(node);
  return launched.runtime.backend;
}

const now = (): number => performance.timeOrigin + performance.now();

async function post(node: NodeUnderTest, round: number): Promise<number> {
  await node.call("POST", `/v1/threads/${thread}/messages`, { body: `Message ${round}` });
  return now();
}

async function heardWake(
  node: NodeUnderTest,
  round: number,
): Promise<{ firstByteAt: number; submittedAt: number }> {
  const log = join(node.home, "heard.jsonl");
  const lines = (): string[] => {
    try {
      return readFileSync(log, "utf8").trim().split("\n");
    } catch {
      return [];
    }
  };
  await until(async () => lines().length >= round);
  const line = lines()[round - 1] ?? "";
  return JSON.parse(line) as { firstByteAt: number; submittedAt: number };
}

/** Everything read, and the terminal reported idle: the state in which a dormant agent waits. */
async function atRest(node: NodeUnderTest): Promise<void> {
  await until(async () => {
    const { participants } = await node.call<{ participants: { attention: string }[] }>(
      "GET",
      `/v1/participants?thread_id=${thread}`,
    );
    const caughtUp = participants.every(({ attention }) => attention === "caughtUp");
    return caughtUp && (await runtimeState(node)) === "idle";
  });
}

async function runtimeState(node: NodeUnderTest): Promise<string> {
  const { runtime } = await node.call<{ runtime: { state: string } }>("GET", `/v1/runtimes/${agent}`);
  return runtime.state;
}

const deadlineMs = 60_000;
const lookEveryMs = 25;

async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + deadlineMs;
  while (!(await condition())) {
    if (performance.now() > deadline)
      throw new Error("the agent was not woken, or did not come to rest, in a minute");
    await pause(lookEveryMs);
  }
}
