import { listener, worker, type Stage } from "./stage.ts";
import type { SeamName } from "./seams.ts";
import type { Passings, Trip } from "./tripwire.ts";
import { findProblems, findUnrest, type AcknowledgedPost } from "./checks.ts";
import { readHistory, readLastMails, readRemains } from "./history.ts";

/** One round of a story: the operator posts, two agents work, the node dies on the way, and everything comes to rest. */

export interface RoundPlan {
  threadId: string;
  trip: Trip | null;
  /** Where the process dies that follows the first death. */
  nextTrip: Trip | null;
}

export interface RoundResult {
  deaths: SeamName[];
  /** From each death to the next turn that was committed. */
  recoveryMs: number[];
  /** Of the process that lived at the end. */
  passings: Passings;
  /** Wakes that ended visibly blocked; a person released them. */
  blocked: number;
  problems: string[];
}

const roundEndsWithinMs = 60_000;
const restsWithinMs = 60_000;

export async function playRound(stage: Stage, plan: RoundPlan): Promise<RoundResult> {
  const deadline = AbortSignal.timeout(roundEndsWithinMs);
  await stage.node.arm(plan.trip, plan.nextTrip);
  const { acknowledged, blocked } = await play(stage, plan.threadId, deadline);
  const unrest = await untilRest(stage);
  const repeated = await repeatPosts(stage, acknowledged, deadline);
  const history = await readHistory(stage);
  const turnsAt = history.journal.map(({ at }) => at).toSorted((a, b) => a - b);
  const { deaths } = stage.node;
  return {
    deaths: deaths.map(({ trip }) => trip.seam),
    recoveryMs: deaths.flatMap(({ at }) => recoveryOf(turnsAt, at)),
    passings: await stage.node.passings(),
    blocked,
    problems: [...unrest, ...repeated, ...findProblems(history, plan.threadId, acknowledged)],
  };
}

async function play(
  stage: Stage,
  threadId: string,
  deadline: AbortSignal,
): Promise<{ acknowledged: AcknowledgedPost[]; blocked: number }> {
  const participants = [worker, listener];
  const thread = { thread_id: threadId, title: "Seams", participants };
  await stage.call("create_thread", thread, { key: `${threadId}.create`, deadline });
  const acknowledged: AcknowledgedPost[] = [];
  for (const part of [1, 2]) acknowledged.push(await post(stage, { threadId, part, deadline }));
  const released = new Set<string>();
  await stage.until(() => untilRead(stage, { threadId, released }), deadline);
  await retireListener(stage, deadline);
  return { acknowledged, blocked: released.size };
}

async function post(
  stage: Stage,
  { threadId, part, deadline }: { threadId: string; part: number; deadline: AbortSignal },
): Promise<AcknowledgedPost> {
  const body = `Do part ${part} of ${threadId}.`;
  const key = `${threadId}.post.${part}`;
  const input = { thread_id: threadId, body, to: [worker] };
  const { seq } = await stage.call("post_message", input, { key, deadline });
  return { key, input, seq };
}

/** Both posts are answered, and everybody has read. A block is visible, so a person releases it. */
async function untilRead(
  stage: Stage,
  { threadId, released }: { threadId: string; released: Set<string> },
): Promise<string | null> {
  const { participants, thread } = await stage.call("get_thread", { thread_id: threadId });
  for (const { agent_id, attention, blocked_reason } of participants) {
    if (attention !== "blocked") continue;
    released.add(`${agent_id}: ${blocked_reason}`);
    const input = { thread_id: threadId, agent_id, reason: "the round goes on" };
    await stage.call("unblock_participant", input).catch(() => {});
  }
  if (thread.head_seq < 4) return `${thread.head_seq} of 4 messages`;
  const behind = participants.filter(({ agent_id, attention, unread }) => {
    return agent_id !== "operator" && (attention !== "caughtUp" || unread > 0);
  });
  return behind.length === 0 ? null : JSON.stringify(behind);
}

async function retireListener(stage: Stage, deadline: AbortSignal): Promise<void> {
  const living = async () => {
    const { runtimes } = await stage.call("list_runtimes", { agent_id: listener }, { deadline });
    return runtimes.filter(({ state }) => state !== "deregistered" && state !== "dead");
  };
  for (const { runtime_id } of await living()) {
    const input = { runtime_id, reason: "the round is over" };
    await stage.call("deregister_runtime", input, { key: `${runtime_id}.retire`, deadline });
  }
  await stage.until(async () => {
    const left = await living();
    return left.length === 0 ? null : `runtimes left: ${left.map(({ state }) => state).join(", ")}`;
  }, deadline);
}

/** Nothing is stuck, or tells what is when patience ends, and what came before. */
async function untilRest(stage: Stage): Promise<string[]> {
  let unrest: string[] = [];
  const look = async (): Promise<string | null> => {
    unrest = findUnrest(await readRemains(stage));
    return unrest[0] ?? null;
  };
  await stage.until(look, AbortSignal.timeout(restsWithinMs)).catch(() => {});
  if (unrest.length === 0) return [];
  return [...unrest, ...(await readLastMails(stage.database.sql)).map((mail) => `before: ${mail}`)];
}

/** Invariant 3: the same key and body give the first answer, also long after. */
async function repeatPosts(
  stage: Stage,
  acknowledged: readonly AcknowledgedPost[],
  deadline: AbortSignal,
): Promise<string[]> {
  const problems: string[] = [];
  for (const { key, input, seq } of acknowledged) {
    const again = await stage.call("post_message", input, { key, deadline });
    if (again.seq !== seq)
      problems.push(`repeated: ${key} was acknowledged as #${seq}, then as #${again.seq}`);
  }
  return problems;
}

/** None when nothing was left to move after the death. */
function recoveryOf(turnsAt: readonly number[], diedAt: number): number[] {
  const next = turnsAt.find((at) => at > diedAt);
  return next === undefined ? [] : [next - diedAt];
}
