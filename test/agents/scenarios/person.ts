import { access } from "node:fs/promises";
import { join } from "node:path";
import { until } from "../../network/until.ts";
import type { Person } from "../../adapters/terminals/person.ts";
import { diligent, onWords } from "../model-server/script.ts";
import type { PlayedDialog } from "../kinds/kind.ts";
import type { Player } from "../player.ts";
import type { Stage } from "../stage.ts";
import {
  post,
  requireNoWakes,
  requireWakes,
  type Scenario,
  untilAttention,
  untilRead,
  untilAsked,
} from "./scenario.ts";

/** A person is there: types, has typed, reads, or is asked. */

const draft = "half a thought";
/** Erases the line in every program's box. */
const eraseLine = "\u0015";

/** Somebody sits down, tells the program something, and leaves when it works on that. */
export async function tell(stage: Stage, player: Player, text: string): Promise<void> {
  const person = await player.seat();
  await typeVisibly(player, person, text);
  person.type("\r");
  await untilAsked(stage, player, new RegExp(text));
  await person.leave();
}

export async function typeVisibly(player: Player, person: Person, text: string): Promise<void> {
  person.type(text);
  await player.untilShown(new RegExp(text));
}

export async function eraseVisibly(player: Player, person: Person, text: string): Promise<void> {
  person.type(eraseLine);
  await until("the draft to be erased", 60_000, async () => !(await player.screen()).includes(text));
}

function requireUnsubmitted(stage: Stage, player: Player, text: string): void {
  const told = stage.model.requestsOf(player.agentId).flatMap(({ userTexts }) => userTexts);
  if (told.some((each) => each.includes(text))) throw new Error("a person's draft was submitted");
}

export const draftPresent: Scenario = {
  name: "draft",
  title: "a person's draft is neither submitted nor damaged",
  async play(stage) {
    const player = await stage.idlePlayer("draft");
    await stage.openThread("th-draft", [player]);
    const person = await player.seat();
    await typeVisibly(player, person, draft);
    await person.leave();
    await post(stage, "th-draft");
    // A channel of the program's own leaves its box alone, and so need not wait.
    const where = { threadId: "th-draft", player };
    await untilAttention(stage, where, ({ attention, unread }) => attention === "deferred" || unread === 0);
    if (!(await player.screen()).includes(draft))
      throw new Error(`the draft is gone\n${await player.screen()}`);
    const later = await player.seat();
    await eraseVisibly(player, later, draft);
    await later.leave();
    await untilRead(stage, "th-draft", player);
    requireWakes(stage, player, 1);
    requireUnsubmitted(stage, player, draft);
  },
};

export const typing: Scenario = {
  name: "typing",
  title: "nobody is typed over who types right now",
  async play(stage) {
    const player = await stage.idlePlayer("typing");
    await stage.openThread("th-typing", [player]);
    const person = await player.seat();
    await post(stage, "th-typing");
    let typed = "";
    // About three seconds: longer than the quiet window.
    await until("a person to have typed for a while", 60_000, () => {
      person.type("x");
      typed += "x";
      return typed.length >= 30;
    });
    requireNoWakes(stage, player);
    await untilAttention(
      stage,
      { threadId: "th-typing", player },
      ({ attention }) => attention === "deferred",
    );
    await player.untilShown(new RegExp(typed));
    await eraseVisibly(player, person, typed);
    await person.leave();
    await untilRead(stage, "th-typing", player);
    requireWakes(stage, player, 1);
    requireUnsubmitted(stage, player, "xxx");
  },
};

export const permission: Scenario = {
  name: "permission",
  title: "a permission dialog is answered by nobody but a person",
  async play(stage) {
    const { shown, yes } = stage.kind.permission;
    const player = await stage.cast("permission", { asks: { permission: true } });
    const proof = join(player.cwd, "proof");
    const rules = [onWords(/RUN IT/, () => stage.kind.gatedCall(`touch ${proof}`)), ...diligent()];
    stage.model.instruct(player.agentId, rules);
    await player.launch();
    await player.untilState("idle");
    await stage.openThread("th-permission", [player]);
    await tell(stage, player, "RUN IT");
    await player.untilShown(shown);
    await player.untilState("dialog");
    await post(stage, "th-permission");
    await untilStandstill(stage, "th-permission", player);
    requireNoWakes(stage, player);
    if (await exists(proof)) throw new Error("the command ran although nobody allowed it");
    await player.untilShown(shown);
    await answer(player, { shown, yes });
    await until("the command to run", 120_000, () => exists(proof));
    await untilRead(stage, "th-permission", player);
    requireWakes(stage, player, 1);
  },
};

export const trust: Scenario = {
  name: "trust",
  title: "the trust dialog of a first start is answered by nobody but a person",
  async play(stage) {
    const player = await stage.cast("trust", { asks: { trust: true } });
    await stage.openThread("th-trust", [player]);
    await player.launch();
    await post(stage, "th-trust");
    if (stage.kind.trust !== null) await meetTrustDialog(stage, player, stage.kind.trust);
    await untilRead(stage, "th-trust", player);
    requireWakes(stage, player, 1);
  },
};

async function meetTrustDialog(stage: Stage, player: Player, { shown, yes }: PlayedDialog): Promise<void> {
  await player.untilShown(shown);
  await player.untilState("dialog");
  await untilStandstill(stage, "th-trust", player);
  requireNoWakes(stage, player);
  await player.untilShown(shown);
  await answer(player, { shown, yes });
}

export const copyMode: Scenario = {
  name: "copy-mode",
  title: "who reads the history is not disturbed",
  skip: (_kind, backend) => (backend === "pty" ? "our own terminals have no copy-mode" : null),
  async play(stage) {
    const player = await stage.idlePlayer("reader");
    await stage.openThread("th-reader", [player]);
    const person = await player.seat();
    person.type("\u0002[");
    await until("the history to be open", 60_000, async () => (await player.view()).inCopyMode);
    await post(stage, "th-reader");
    await untilStandstill(stage, "th-reader", player);
    requireNoWakes(stage, player);
    if (!(await player.view()).inCopyMode) throw new Error("the history was closed");
    person.type("q");
    await person.leave();
    await untilRead(stage, "th-reader", player);
    requireWakes(stage, player, 1);
  },
};

/** It waits, or says that it cannot go on without a person. */
export async function untilStandstill(stage: Stage, threadId: string, player: Player): Promise<void> {
  await untilAttention(stage, { threadId, player }, ({ attention }) => {
    return attention === "deferred" || attention === "blocked";
  });
}

/** Keys of somebody who leaves at once might go nowhere. */
export async function answer(player: Player, { shown, yes }: PlayedDialog): Promise<void> {
  const person = await player.seat();
  for (const { keys, shows } of yes) {
    person.type(keys);
    if (shows !== undefined) await player.untilShown(shows);
  }
  await until("the dialog to close", 120_000, async () => !shown.test(await player.screen()));
  await person.leave();
}

export async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
