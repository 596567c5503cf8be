import { until } from "../../network/until.ts";
import type { PlayedKind } from "../kinds/kind.ts";
import type { Player } from "../player.ts";
import type { Backend, Stage } from "../stage.ts";

/** A story with real programs, judged from outside: what their model was told, what the thread and the terminal show. */
export interface Scenario {
  /** As it is chosen by, for instance `wake-idle`. */
  name: string;
  title: string;
  /** Throws an error that tells what is wrong. */
  play(stage: Stage): Promise<void>;
  /** Why it cannot be played there; null when it can. */
  skip?: (kind: PlayedKind, backend: Backend) => string | null;
}

/** Real programs on a busy machine. */
const readsWithinMs = 150_000;

export function post(stage: Stage, threadId: string, body = "Please look."): Promise<{ seq: number }> {
  return stage.call("post_message", { thread_id: threadId, body });
}

export async function participantOf(stage: Stage, threadId: string, { agentId }: Player) {
  const { participants } = await stage.call("get_thread", { thread_id: threadId });
  const found = participants.find(({ agent_id }) => agent_id === agentId);
  if (found === undefined) throw new Error(`${agentId} is no participant of ${threadId}`);
  return found;
}

/** The thread shows that everything is read and nothing is left to do. */
export async function untilRead(stage: Stage, threadId: string, player: Player): Promise<void> {
  let last = "";
  await until(`${player.agentId} to have read ${threadId}`, readsWithinMs, async () => {
    const { attention, unread, blocked_reason } = await participantOf(stage, threadId, player);
    last = `${attention}, ${unread} unread${blocked_reason === null ? "" : `, ${blocked_reason}`}`;
    return attention === "caughtUp" && unread === 0;
  }).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}: it is ${last}`);
  });
}

export async function untilAttention(
  stage: Stage,
  { threadId, player }: { threadId: string; player: Player },
  fits: (participant: Awaited<ReturnType<typeof participantOf>>) => boolean,
): Promise<void> {
  let last = "";
  await until(`the attention of ${player.agentId}`, readsWithinMs, async () => {
    const participant = await participantOf(stage, threadId, player);
    last = JSON.stringify(participant);
    return fits(participant);
  }).catch((error: unknown) => {
    throw new Error(`${(error as Error).message}: it is ${last}`);
  });
}

/** The model was told of exactly so many wakes, and of each exactly once. */
export function requireWakes(stage: Stage, { agentId }: Player, expected: number): void {
  const wakes = [...stage.model.wakesOf(agentId)];
  const doubled = wakes.filter(([, count]) => count > 1).map(([wakeId, count]) => `${wakeId} ${count} times`);
  if (doubled.length > 0) throw new Error(`the model of ${agentId} was told of ${doubled.join(", ")}`);
  if (wakes.length !== expected) {
    const told = wakes.map(([wakeId]) => wakeId).join(", ");
    throw new Error(`the model of ${agentId} was told of ${wakes.length} wakes, not ${expected}: ${told}`);
  }
}

/** Nothing that a person has in the box was submitted, and nothing stands in it twice. */
export function requireNoWakes(stage: Stage, player: Player): void {
  requireWakes(stage, player, 0);
}

/** Resolves when the model was asked with a newest user text that fits. */
export async function untilAsked(stage: Stage, { agentId }: Player, pattern: RegExp): Promise<void> {
  await until(`the model of ${agentId} to be asked about ${pattern.source}`, readsWithinMs, () => {
    return stage.model
      .requestsOf(agentId)
      .some(({ userTexts }) => userTexts.some((text) => pattern.test(text)));
  });
}

/** A wait that the story ends. */
export function gate<Value>(): { opened: Promise<Value>; open: (value: Value) => void } {
  const { promise, resolve } = Promise.withResolvers<Value>();
  return { opened: promise, open: resolve };
}
