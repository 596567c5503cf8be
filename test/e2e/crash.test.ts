import { afterAll, expect, test } from "vitest";
import { Chronicle } from "../../api/cli/demo/chronicle.ts";
import { collectFindings } from "../../api/cli/demo/findings.ts";
import { programsOf } from "../../api/cli/demo/leftovers.ts";
import { launchPlayer, registerPlayers, type Player } from "../../api/cli/demo/players.ts";
import { Scene } from "../../api/cli/demo/scene.ts";
import { Stage } from "../../api/cli/demo/stage.ts";
import { judge } from "../../api/cli/demo/verdict.ts";

const players: readonly Player[] = [
  { agentId: "executioner", role: "executioner", to: "reviewer", thinkMs: 300 },
  { agentId: "reviewer", role: "reviewer", to: "executioner", thinkMs: 300 },
  { agentId: "scribe", role: "scribe", thinkMs: 100 },
];
const threadId = "crash";
const wake = {
  quietWindowMs: 500,
  deferRecheckMs: 300,
  ackTimeoutMs: 3_000,
  readingMs: 5_000,
  startAckTimeoutMs: 10_000,
};

const cleanUps: (() => Promise<unknown>)[] = [];
afterAll(async () => {
  for (const cleanUp of cleanUps) await cleanUp();
});

test("a node killed after a post, while it types and while it launches loses no wake and doubles none", {
  timeout: 90_000,
}, async () => {
  const stage = await Stage.prepare({ config: { logLevel: "warn", wake } });
  cleanUps.push(() => stage.clear());
  await stage.startNode();
  const agents = players.map(({ agentId }) => agentId);
  const chronicle = new Chronicle(stage, agents, () => {});
  const scene = new Scene({ stage, chronicle, threadId, deadline: AbortSignal.timeout(80_000) });
  const isIdle = (agent: string) => chronicle.livingRuntime(agent)?.state === "idle";
  const crash = async (): Promise<void> => {
    await stage.crashNode();
    await stage.startNode();
  };
  const post = (body: string, to: string) =>
    stage.call("post_message", { thread_id: threadId, body, to: [to] });

  await registerPlayers(stage, players);
  await launchPlayer(stage, "executioner");
  await launchPlayer(stage, "reviewer");
  await scene.until("both to sit idle", () => isIdle("executioner") && isIdle("reviewer"));
  await stage.call("create_thread", { thread_id: threadId, title: "Crashes", participants: agents });
  chronicle.follow(threadId);

  // Right after the post was acknowledged: the wake may not even have been decided on.
  await post("Handle empty input.", "executioner");
  await crash();
  await scene.until("the executioner's work", () => scene.hasPost("executioner", 1));

  // While the wake line is being typed into the reviewer's terminal.
  await attentionBecomes(stage, "reviewer", "triggering");
  await crash();
  await scene.until("the decision", () => scene.hasPost("reviewer", 4));

  // While a new terminal is being launched for the scribe.
  await post("Write the minutes.", "scribe");
  await attentionBecomes(stage, "scribe", "awaitingStart");
  await crash();
  await scene.until("the minutes", () => scene.hasPost("scribe", 6));
  await scene.until("everybody to have read", () => scene.haveRead(...agents) && agents.every(isIdle));

  const expectedPosts = [
    "operator",
    "executioner to #1",
    "reviewer to #2",
    "executioner to #3",
    "reviewer to #4",
    "operator",
    "scribe to #6",
  ];
  const findings = await collectFindings(stage, { threadId, players, expectedPosts });
  expect(judge(findings).flatMap(({ problems }) => problems)).toEqual([]);
  // Each agent has one terminal with one program, watched once; no other work is under way.
  expect(findings.status.effects["running"]).toBe(3);
  expect(await programsOf(stage.home)).toHaveLength(3);
});

/** Asks as fast as the node answers: the state lasts for some ten milliseconds only. */
async function attentionBecomes(stage: Stage, agentId: string, wanted: string): Promise<void> {
  const deadline = performance.now() + 15_000;
  while (performance.now() < deadline) {
    const { participants } = await stage.call("list_participants", { thread_id: threadId });
    if (participants.find(({ agent_id }) => agent_id === agentId)?.attention === wanted) return;
  }
  throw new Error(`${agentId} was never ${wanted}`);
}
