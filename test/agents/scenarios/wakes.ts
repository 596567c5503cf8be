import { diligent, onWake, onWords } from "../model-server/script.ts";
import type { Decision } from "../model-server/script.ts";
import {
  gate,
  participantOf,
  post,
  requireWakes,
  type Scenario,
  untilAttention,
  untilRead,
} from "./scenario.ts";
import { until } from "../../network/until.ts";
import type { ModelRequest } from "../model-server/server.ts";
import type { Player } from "../player.ts";
import type { Stage } from "../stage.ts";
import { tell } from "./person.ts";

export const wakeIdle: Scenario = {
  name: "wake-idle",
  title: "an idle agent is woken, once",
  async play(stage) {
    const player = await stage.idlePlayer("idle");
    await stage.openThread("th-idle", [player]);
    await post(stage, "th-idle");
    await untilRead(stage, "th-idle", player);
    requireWakes(stage, player, 1);
    await player.untilState("idle");
  },
};

export const wakeBusy: Scenario = {
  name: "wake-busy",
  title: "an agent at work is neither interrupted nor forgotten",
  async play(stage) {
    const work = gate<Decision>();
    const rules = [onWords(/WORK HARD/, () => work.opened), ...diligent()];
    const player = await stage.idlePlayer("busy", { rules });
    await stage.openThread("th-busy", [player]);
    await tell(stage, player, "WORK HARD");
    await player.untilState("busy");
    await post(stage, "th-busy");
    // The program may queue what a channel of its own handed it.
    const fits = ["deferred", "awaitingAck"];
    await untilAttention(stage, { threadId: "th-busy", player }, ({ attention }) =>
      fits.includes(attention ?? ""),
    );
    requireTurn(stage, player, "thinking");
    work.open({ say: "The work is done." });
    await untilRead(stage, "th-busy", player);
    requireWakes(stage, player, 1);
    requireTurn(stage, player, "answered");
  },
};

export const burst: Scenario = {
  name: "burst",
  title: "ten messages in a burst are one wake",
  async play(stage) {
    const posted = gate<Decision>();
    const rules = [onWake(() => posted.opened), ...diligent()];
    const player = await stage.idlePlayer("burst", { rules });
    await stage.openThread("th-burst", [player]);
    const bodies = Array.from({ length: 10 }, (_, index) => `Part ${index + 1} of ten.`);
    await Promise.all(bodies.map((body) => post(stage, "th-burst", body)));
    // However slowly they came: it reads when they are all there.
    posted.open({ call: "read_messages", with: { thread_id: "th-burst" } });
    await untilRead(stage, "th-burst", player);
    const { last_read_seq } = await participantOf(stage, "th-burst", player);
    if (last_read_seq !== 10) throw new Error(`it read up to ${last_read_seq} of 10`);
    requireWakes(stage, player, 1);
  },
};

/** The turn that a person began was not touched. */
function requireTurn(stage: Stage, { agentId }: Player, wanted: ModelRequest["state"]): void {
  const state = stage.model.requestsOf(agentId)[0]?.state;
  if (state !== wanted) throw new Error(`the person's turn is ${state}, not ${wanted}`);
}

const lastWord = 6;

/** Each says the next number, until the agreed end. */
function counting(read: string): string | null {
  const numbers = [...read.matchAll(/number (\d+)/g)].map(([, number]) => Number(number));
  const highest = Math.max(0, ...numbers);
  return highest < lastWord ? `number ${highest + 1}` : null;
}

export const conversation: Scenario = {
  name: "conversation",
  title: "two agents talk to each other to an agreed end",
  async play(stage) {
    const rules = diligent({ reply: counting });
    const players = [
      await stage.idlePlayer("talker-a", { rules }),
      await stage.idlePlayer("talker-b", { rules }),
    ];
    const [first, second] = players;
    if (first === undefined || second === undefined) throw new Error("nobody came");
    await stage.openThread("th-talk", players);
    await stage.call("post_message", { thread_id: "th-talk", body: "number 1", to: [first.agentId] });
    const { messages } = await until("the last word", 150_000, async () => {
      const page = await stage.call("read_messages", { thread_id: "th-talk", after_seq: 0 });
      return page.head_seq >= lastWord ? page : null;
    });
    for (const player of players) await untilRead(stage, "th-talk", player);
    const said = messages.map(({ body }) => body).join(", ");
    const expected = Array.from({ length: lastWord }, (_, index) => `number ${index + 1}`).join(", ");
    if (said !== expected) throw new Error(`the thread shows: ${said}`);
    // How many it takes is theirs: one may read two numbers at once.
    for (const player of players) requireWakes(stage, player, stage.model.wakesOf(player.agentId).size);
  },
};
