import type { NotedWake } from "../../../adapters/agents/scripted/wake-log.ts";
import { readWakeLog, type Player } from "./players.ts";
import { receiptsOf } from "./receipts.ts";
import type { Stage } from "./stage.ts";
import type { Findings } from "./verdict.ts";

/** Asks the node and the agents' own logs what happened in a thread. */
export async function collectFindings(
  stage: Stage,
  story: { threadId: string; players: readonly Player[]; expectedPosts: readonly string[] },
): Promise<Findings> {
  const { threadId: thread_id, players, expectedPosts } = story;
  const { messages } = await stage.call("read_messages", { thread_id, after_seq: 0, limit: 100 });
  const { wakes } = await stage.call("list_wakes", { thread_id, limit: 100 });
  const { participants } = await stage.call("get_thread", { thread_id });
  // The operator posts, but nobody wakes a person.
  const agents = participants.filter(({ agent_id }) => players.some(({ agentId }) => agentId === agent_id));
  const noted = (await Promise.all(players.map(({ agentId }) => readWakeLog(stage, agentId)))).flat();
  return {
    messages,
    expectedPosts,
    receipts: receiptsOf(wakes, messages),
    participants: agents,
    status: await stage.call("get_status"),
    given: countBy(noted.map(({ wakeId }) => wakeId)),
    sessions: sessionsByAgent(noted),
  };
}

function countBy(keys: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

function sessionsByAgent(noted: readonly NotedWake[]): Map<string, Set<string>> {
  const sessions = new Map<string, Set<string>>();
  for (const { agentId, sessionId } of noted) {
    sessions.set(agentId, (sessions.get(agentId) ?? new Set()).add(sessionId));
  }
  return sessions;
}
