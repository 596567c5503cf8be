import { setTimeout as pause } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { Chronicle } from "../../api/cli/demo/chronicle.ts";
import { collectFindings } from "../../api/cli/demo/findings.ts";
import { programsOf } from "../../api/cli/demo/leftovers.ts";
import { launchPlayer, registerPlayers, type Player } from "../../api/cli/demo/players.ts";
import { Scene } from "../../api/cli/demo/scene.ts";
import { testTerminal } from "./test-terminal.ts";
import { Stage } from "../../api/cli/demo/stage.ts";
import { judge } from "../../api/cli/demo/verdict.ts";

/** Short waits, so that every way back is taken within seconds. */
const wake = {
  quietWindowMs: 500,
  deferRecheckMs: 300,
  ackTimeoutMs: 2_000,
  retryBackoffMs: 200,
  readingMs: 5_000,
  startAckTimeoutMs: 10_000,
};
const threadId = "crash";
const storyEndsWithinMs = 80_000;
const timeout = 90_000;

let cleanUp: (() => Promise<unknown>) | undefined;
afterEach(async () => cleanUp?.());

test(
  "a node killed after a post, while it wakes and while it launches loses nothing and doubles nothing",
  {
    timeout,
  },
  async () => {
    const scene = await openScene([
      { agentId: "executioner", role: "executioner", to: "reviewer", thinkMs: 300 },
      { agentId: "reviewer", role: "reviewer", to: "executioner", thinkMs: 300 },
      { agentId: "scribe", role: "scribe", thinkMs: 100 },
    ]);
    await scene.launch("executioner", "reviewer");

    await scene.post("Handle empty input.", "executioner");
    await scene.crash();
    await scene.until("the executioner's work", () => scene.hasPost("executioner", 1));

    await scene.attentionBecomes("reviewer", "triggering");
    await scene.crash();
    await scene.until("the decision", () => scene.hasPost("reviewer", 4));

    await scene.post("Write the minutes.", "scribe");
    await scene.attentionBecomes("scribe", "awaitingStart");
    await scene.crash();
    await scene.until("the minutes", () => scene.hasPost("scribe", 6));

    await scene.end([
      "operator",
      "executioner to #1",
      "reviewer to #2",
      "executioner to #3",
      "reviewer to #4",
      "operator",
      "scribe to #6",
    ]);
  },
);

test("a node killed at any moment of a delivery delivers that wake once", { timeout }, async () => {
  const scene = await openScene([{ agentId: "listener", role: "echo", thinkMs: 100 }]);
  await scene.launch("listener");
  // From the claim of the effect over paste and Enter to the record of its outcome.
  const momentsMs = [10, 40, 60, 80, 110];
  for (const [index, ms] of momentsMs.entries()) {
    await scene.post(`Listen to number ${index + 1}.`, "listener");
    await scene.attentionBecomes("listener", "triggering");
    await pause(ms);
    await scene.crash();
    const isRead = () => scene.chronicle.messages.length === index + 1 && scene.haveRead("listener");
    await scene.until(`message ${index + 1} to be read`, isRead);
  }
  await scene.end(momentsMs.map(() => "operator"));
});

async function openScene(players: readonly Player[]): Promise<CrashScene> {
  const stage = await Stage.prepare({ config: { logLevel: "warn", wake, ...testTerminal() } });
  cleanUp = () => stage.clear();
  await stage.startNode();
  await registerPlayers(stage, players);
  return new CrashScene(stage, players);
}

class CrashScene extends Scene {
  readonly #players: readonly Player[];

  constructor(stage: Stage, players: readonly Player[]) {
    const agents = players.map(({ agentId }) => agentId);
    const chronicle = new Chronicle(stage, agents, () => {});
    super({ stage, chronicle, threadId, deadline: AbortSignal.timeout(storyEndsWithinMs) });
    this.#players = players;
  }

  async launch(...agents: readonly string[]): Promise<void> {
    for (const agent of agents) await launchPlayer(this.stage, agent);
    await this.until("the agents to sit idle", () => agents.every((agent) => this.#isIdle(agent)));
    console.info(`terminals: ${this.chronicle.runtimes[0]?.backend}`);
    const participants = this.#players.map(({ agentId }) => agentId);
    await this.stage.call("create_thread", { thread_id: threadId, title: "Crashes", participants });
    this.chronicle.follow(threadId);
  }

  async post(body: string, to: string): Promise<void> {
    await this.stage.call("post_message", { thread_id: threadId, body, to: [to] });
  }

  async crash(): Promise<void> {
    await this.stage.crashNode();
    await this.stage.startNode();
  }

  /** Asks as fast as the node answers: the state lasts for some ten milliseconds only. */
  async attentionBecomes(agentId: string, wanted: string): Promise<void> {
    const deadline = performance.now() + 15_000;
    while (performance.now() < deadline) {
      const { participants } = await this.stage.call("list_participants", { thread_id: threadId });
      if (participants.find(({ agent_id }) => agent_id === agentId)?.attention === wanted) return;
    }
    throw new Error(`${agentId} was never ${wanted}`);
  }

  /** Everybody has read, nothing is stuck, and each agent has one program in one terminal that is watched once. */
  async end(expectedPosts: readonly string[]): Promise<void> {
    const agents = this.#players.map(({ agentId }) => agentId);
    await this.until("everybody to have read and to rest", () =>
      agents.every((agent) => this.haveRead(agent) && this.#isIdle(agent)),
    );
    const findings = await collectFindings(this.stage, { threadId, players: this.#players, expectedPosts });
    expect(judge(findings).flatMap(({ problems }) => problems)).toEqual([]);
    expect(findings.status.effects["running"]).toBe(agents.length);
    expect(await programsOf(this.stage.home)).toHaveLength(agents.length);
  }

  #isIdle(agent: string): boolean {
    return this.chronicle.livingRuntime(agent)?.state === "idle";
  }
}
