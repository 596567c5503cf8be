import { access } from "node:fs/promises";
import { join } from "node:path";
import { until } from "../../network/until.ts";
import { diligent, onWords } from "../model-server/script.ts";
import type { Player } from "../player.ts";
import type { Stage } from "../stage.ts";
import { tell } from "./person.ts";
import { post, requireWakes, type Scenario, untilRead } from "./scenario.ts";

/** An operator answers an agent's dialog from afar, by the fingerprint of what it shows. */

const opensWithinMs = 120_000;
const settlesWithinMs = 60_000;

/** Longer than the stage's quiet window. */
const quietMs = 6_000;

type Waiting = Awaited<ReturnType<typeof shownPrompt>>;

/** As the operator sees it, once it shows `text`. */
async function shownPrompt(stage: Stage, player: Player, text: string) {
  const { agentId } = player;
  await until(`nobody to be at the keys of ${agentId}`, opensWithinMs, async () => {
    return ((await player.view()).humanIdleMs ?? quietMs) >= quietMs;
  });
  return until(`a prompt of ${agentId} with ${text}`, opensWithinMs, async () => {
    const { prompts } = await stage.call("list_prompts", { agent_id: agentId });
    const [waiting] = prompts;
    if (waiting?.prompt?.text.includes(text) !== true) return null;
    return { runtimeId: waiting.runtime_id, ...waiting.prompt };
  });
}

/** The answer once its outcome is known. */
async function answer(stage: Stage, { runtimeId, fingerprint, options }: Waiting, wanted: RegExp) {
  const option = options.find(({ label }) => wanted.test(label))?.option;
  await stage.call("answer_prompt", { runtime_id: runtimeId, fingerprint, option });
  return until(`what became of an answer in ${runtimeId}`, settlesWithinMs, async () => {
    const { runtime } = await stage.call("get_runtime", { runtime_id: runtimeId });
    return runtime.answer?.outcome === "pending" ? null : runtime.answer;
  });
}

function requireOutcome(given: Awaited<ReturnType<typeof answer>>, expected: string): void {
  if (given?.outcome === expected) return;
  throw new Error(`the answer was not ${expected}: ${JSON.stringify(given)}`);
}

async function castAsking(stage: Stage, agentId: string, names: readonly string[]): Promise<Player> {
  const player = await stage.cast(agentId, { asks: { permission: true } });
  const rules = names.map((name) =>
    onWords(new RegExp(`MAKE ${name}`), () => stage.kind.gatedCall(`touch ${proofOf(player, name)}`)),
  );
  stage.model.instruct(agentId, [...rules, ...diligent()]);
  await player.launch();
  await player.untilState("idle");
  return player;
}

function proofOf({ cwd }: Player, name: string): string {
  return join(cwd, name);
}

async function isMade(player: Player, name: string): Promise<boolean> {
  return access(proofOf(player, name)).then(
    () => true,
    () => false,
  );
}

async function untilMade(player: Player, name: string): Promise<void> {
  await until(`${name} to be made`, 30_000, () => isMade(player, name));
}

export const promptAnswered: Scenario = {
  name: "prompt-answered",
  title: "an operator sees what a dialog asks, and answers it from afar",
  async play(stage) {
    const player = await castAsking(stage, "asked", ["one"]);
    await stage.openThread("th-asked", [player]);
    await tell(stage, player, "MAKE one");
    const waiting = await shownPrompt(stage, player, proofOf(player, "one"));
    if (await isMade(player, "one")) throw new Error("the command ran although nobody allowed it");
    requireOutcome(await answer(stage, waiting, /^Yes/), "answered");
    await untilMade(player, "one");
    await post(stage, "th-asked");
    await untilRead(stage, "th-asked", player);
    requireWakes(stage, player, 1);
  },
};

export const promptChanged: Scenario = {
  name: "prompt-changed",
  title: "an answer to a dialog that has changed since is refused",
  async play(stage) {
    const player = await castAsking(stage, "changed", ["first", "second"]);
    await tell(stage, player, "MAKE first");
    const first = await shownPrompt(stage, player, proofOf(player, "first"));
    requireOutcome(await answer(stage, first, /^No/), "answered");
    await player.untilState("idle");
    await tell(stage, player, "MAKE second");
    const second = await shownPrompt(stage, player, proofOf(player, "second"));
    await requireRefused(answer(stage, { ...second, fingerprint: first.fingerprint }, /^Yes/));
    const { fingerprint } = await shownPrompt(stage, player, proofOf(player, "second"));
    if (fingerprint !== second.fingerprint) throw new Error("the dialog changed by a refused answer");
    requireOutcome(await answer(stage, second, /^No/), "answered");
    await player.untilState("idle");
    if ((await isMade(player, "first")) || (await isMade(player, "second")))
      throw new Error("a command ran although nobody allowed it");
  },
};

async function requireRefused(given: Promise<unknown>): Promise<void> {
  const code = await given.then(
    () => "none",
    (error: unknown) => (error as { failure?: { code?: string } }).failure?.code,
  );
  if (code !== "prompt_changed") throw new Error(`refused with ${code}, not with prompt_changed`);
}

export const trustAnswered: Scenario = {
  name: "trust-answered",
  title: "an operator answers the trust dialog of a first start from afar",
  skip: ({ trust }) => (trust === null ? "its kind is never asked" : null),
  async play(stage) {
    const player = await stage.cast("trusted", { asks: { trust: true } });
    await player.launch();
    const waiting = await shownPrompt(stage, player, "trust");
    requireOutcome(await answer(stage, waiting, /^Yes/), "answered");
    await player.untilState("idle");
  },
};

export const nodeKilledAnswering: Scenario = {
  name: "node-killed-answering",
  title: "our node is killed when the key is pressed and nothing is on record: nobody presses again",
  async play(stage) {
    const player = await castAsking(stage, "halfway", ["once"]);
    await tell(stage, player, "MAKE once");
    const waiting = await shownPrompt(stage, player, proofOf(player, "once"));
    await stage.node.arm({ seam: "effect.settling", passing: 1 }, null);
    const given = await answer(stage, waiting, /^Yes/);
    if (stage.node.deaths.length === 0) throw new Error("the node did not die");
    requireOutcome(given, "unconfirmed");
    await untilMade(player, "once");
    await player.untilState("idle");
    if (/^[❯›].?1$/m.test(await player.screen())) throw new Error("the key was pressed again");
  },
};
