import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import type { Player } from "../../agents/player.ts";
import { answer, eraseVisibly, exists, tell, untilStandstill } from "../../agents/scenarios/person.ts";
import { participantOf } from "../../agents/scenarios/scenario.ts";
import type { Stage } from "../../agents/stage.ts";
import { until } from "../../network/until.ts";

/** What is in the way of a wake, and what it must leave as it is. */

export interface Scene {
  stage: Stage;
  player: Player;
  threadId: string;
  number: number;
  /** In [0, 1), the same for the same seed. */
  random: () => number;
  /** Posts the round's one message. */
  post: () => Promise<void>;
}

export interface Damage {
  typedIntoDialog: boolean;
  draftDamaged: boolean;
}

type Interfere = (scene: Scene) => Promise<Partial<Damage>>;

/** One part in so many of the rounds is of each kind. */
export const interferences: Record<string, { share: number; play: Interfere }> = {
  none: { share: 0.5, play: ({ post }) => post().then(() => ({})) },
  draft: { share: 0.14, play: draftStands },
  dialog: { share: 0.1, play: dialogStands },
  "copy-mode": { share: 0.13, play: historyIsRead },
  restart: { share: 0.13, play: nodeIsKilled },
};

export function drawInterference(random: () => number): string {
  let left = random();
  for (const [name, { share }] of Object.entries(interferences)) {
    left -= share;
    if (left < 0) return name;
  }
  return "none";
}

const keyEveryMs = 40;
const dwellMs = 1_500;

/** Somebody types, and leaves it there; the message comes at any moment of that. */
async function draftStands({
  stage,
  player,
  threadId,
  number,
  random,
  post,
}: Scene): Promise<Partial<Damage>> {
  const draft = `half a thought ${number}: "naïve"; $(date) & more`;
  const postAfter = Math.floor(random() * (draft.length + 10));
  const person = await player.seat();
  let posted: Promise<void> | null = null;
  for (const [index, key] of draft.split("").entries()) {
    if (index === postAfter) posted = post();
    person.type(key);
    await pause(keyEveryMs);
  }
  await (posted ?? post());
  await person.leave();
  await untilMet(stage, player, threadId);
  await pause(random() * dwellMs);
  const stands = await untilTrue(async () => boxHolds(await player.screen(), draft));
  const later = await player.seat();
  await eraseVisibly(player, later, draft.slice(0, 14));
  await later.leave();
  const isSubmitted = stage.model
    .requestsOf(player.agentId)
    .some(({ userTexts }) => userTexts.some((text) => text.includes(`half a thought ${number}`)));
  return { draftDamaged: !stands || isSubmitted };
}

function boxHolds(screen: string, draft: string): boolean {
  return screen.split("\n").some((line) => /^[›❯]\s/u.test(line) && line.slice(2).trimEnd() === draft);
}

/** A permission dialog is open, or about to open. */
async function dialogStands({
  stage,
  player,
  threadId,
  number,
  random,
  post,
}: Scene): Promise<Partial<Damage>> {
  const { permission } = stage.kind;
  const proof = join(player.cwd, `proof-${number}`);
  const postsEarly = random() < 0.5;
  await tell(stage, player, `RUN IT ${number}`);
  const early = postsEarly ? post() : null;
  await player.untilShown(permission.shown);
  await (early ?? post());
  await untilStandstill(stage, threadId, player);
  await pause(random() * dwellMs);
  const stands = permission.shown.test(await player.screen()) && !(await exists(proof));
  await answer(player, permission);
  await until("the command to run", 60_000, () => exists(proof));
  return { typedIntoDialog: !stands };
}

/** Somebody reads the history. */
async function historyIsRead({ stage, player, threadId, random, post }: Scene): Promise<Partial<Damage>> {
  const person = await player.seat();
  person.type("\u0002[");
  await until("the history to be open", 30_000, async () => (await player.view()).inCopyMode);
  await post();
  await untilMet(stage, player, threadId);
  await pause(random() * dwellMs);
  if (!(await player.view()).inCopyMode) throw new Error("the history was closed");
  person.type("q");
  await until("the history to be closed", 30_000, async () => !(await player.view()).inCopyMode);
  await person.leave();
  return {};
}

/** Our node dies by `kill -9` somewhere on the way, and comes back. */
async function nodeIsKilled({ stage, random, post }: Scene): Promise<Partial<Damage>> {
  await post();
  await pause(random() * 800);
  await stage.node.kill();
  return {};
}

/** The wake arrived, waits, or says that it cannot go on. */
async function untilMet(stage: Stage, player: Player, threadId: string): Promise<void> {
  await until("the wake to arrive or wait", 60_000, async () => {
    const { attention, unread } = await participantOf(stage, threadId, player);
    return unread === 0 || attention === "deferred" || attention === "blocked";
  });
}

/** A screen that is just drawn anew is looked at again. */
async function untilTrue(ask: () => Promise<boolean>): Promise<boolean> {
  return until("it", 3_000, ask).catch(() => false);
}
