import { setTimeout as pause } from "node:timers/promises";
import type { Decision } from "../model-server/script.ts";
import { diligent, onWake, tryAgain, usageLimit } from "../model-server/script.ts";
import type { SeamName } from "../../seams/seams.ts";
import { until } from "../../network/until.ts";
import {
  gate,
  post,
  requireWakes,
  type Scenario,
  untilAsked,
  untilAttention,
  untilRead,
} from "./scenario.ts";

/** Something ends: a pane, a program, a session, a plan, our own node. */

export const paneKilled: Scenario = {
  name: "pane-killed",
  title: "an agent whose terminal is gone comes back for its work",
  async play(stage) {
    const player = await stage.idlePlayer("paneless");
    await stage.openThread("th-paneless", [player]);
    const { terminal, address } = await player.terminal();
    await terminal.kill(address, { graceMs: 0 });
    await post(stage, "th-paneless");
    await untilRead(stage, "th-paneless", player);
    requireWakes(stage, player, 1);
  },
};

export const killedInTurn: Scenario = {
  name: "killed-in-turn",
  title: "a program that dies over its work is replaced by one that finishes it",
  async play(stage) {
    const never = gate<Decision>();
    const player = await stage.idlePlayer("mortal", { rules: [onWake(() => never.opened), ...diligent()] });
    await stage.openThread("th-mortal", [player]);
    const { address } = await player.terminal();
    await post(stage, "th-mortal");
    await untilAsked(stage, player, /\[rouse /);
    stage.model.instruct(player.agentId, diligent());
    process.kill(address.pid, "SIGKILL");
    await untilRead(stage, "th-mortal", player);
    // The one that died was told of it, and so was the one that came after it; in one session that may be one message.
    requireAtMostTwo(stage.model.wakesOf(player.agentId));
  },
};

function requireAtMostTwo(wakes: ReadonlyMap<string, number>): void {
  const told = [...wakes.values()].reduce((sum, count) => sum + count, 0);
  if (told < 1 || told > 2) throw new Error(`two programs were told ${told} times`);
}

export const sessionResumable: Scenario = {
  name: "session-resumable",
  title: "an agent that ended goes on in its session",
  async play(stage) {
    const player = await stage.idlePlayer("resumed");
    await stage.openThread("th-resumed", [player]);
    await post(stage, "th-resumed", "First.");
    await untilRead(stage, "th-resumed", player);
    const [session] = stage.model.requestsOf(player.agentId).map(({ sessionId }) => sessionId);
    const { terminal, address } = await player.terminal();
    await terminal.kill(address, { graceMs: 0 });
    await post(stage, "th-resumed", "Second.");
    await untilRead(stage, "th-resumed", player);
    requireWakes(stage, player, 2);
    const sessions = new Set(stage.model.requestsOf(player.agentId).map(({ sessionId }) => sessionId));
    if (sessions.size !== 1) throw new Error(`${sessions.size} sessions, not ${session} alone`);
  },
};

export const sessionGone: Scenario = {
  name: "session-gone",
  title: "an agent whose session is lost starts anew with the thread's summary",
  async play(stage) {
    const player = await stage.cast("lost");
    await stage.openThread("th-lost", [player]);
    // As an agent reports it that ran elsewhere, and whose files somebody removed since.
    await stage.callAs(player, "heartbeat_session", { session_id: "11111111-2222-4333-8444-555555555555" });
    await post(stage, "th-lost", "A word for the summary.");
    await untilRead(stage, "th-lost", player);
    requireWakes(stage, player, 1);
    await untilAsked(stage, player, /A word for the summary/);
  },
};

export const usageLimited: Scenario = {
  name: "usage-limit",
  title: "an agent at its usage limit is not woken again and again, and its people are told why",
  async play(stage) {
    const rules = [onWake(() => usageLimit(Date.now() + 3_600_000)), ...diligent()];
    const player = await stage.idlePlayer("limited", { rules });
    await stage.openThread("th-limited", [player]);
    await post(stage, "th-limited");
    await player.untilState("limited");
    await untilAttention(stage, { threadId: "th-limited", player }, ({ attention }) => {
      return attention === "deferred" || attention === "blocked";
    });
    requireWakes(stage, player, 1);
  },
};

export const limitReset: Scenario = {
  name: "limit-reset",
  title: "an agent whose usage limit is over is woken for the work that waited, where that was chosen",
  skip: ({ name }) =>
    name === "claude-code" ? "with an API key it names no reset: five minutes are assumed" : null,
  async play(stage) {
    // From the first wake on, and longer than its acknowledgement is waited for.
    let resetsAt = Number.POSITIVE_INFINITY;
    const limit = onWake(() => {
      resetsAt = Math.min(resetsAt, Date.now() + 130_000);
      return Date.now() < resetsAt ? usageLimit(resetsAt) : null;
    });
    const player = await stage.idlePlayer("patient", { rules: [limit, ...diligent()] });
    await stage.openThread("th-patient", [player]);
    await post(stage, "th-patient");
    await player.untilState("limited");
    await untilAttention(stage, { threadId: "th-patient", player }, ({ attention, blocked_reason }) => {
      return attention === "blocked" && blocked_reason === "usageLimit";
    });
    if (Date.now() >= resetsAt) throw new Error("the limit was over before anybody was blocked by it");
    await untilRead(stage, "th-patient", player);
    if (Date.now() < resetsAt) throw new Error("it was woken before its limit was over");
    requireWakes(stage, player, 2);
  },
};

/** The process dies at the seam, wakes up, and finds out what became of its wake. */
function nodeKilledAt(name: string, seam: SeamName): Scenario {
  return {
    name,
    title: `our node is killed at ${seam}: nothing lost, nothing doubled`,
    skip: ({ hasChannel }) =>
      hasChannel === true && seam.startsWith("typing.") ? "its wakes are not typed" : null,
    async play(stage) {
      const turn = gate<Decision>();
      // The program works until the node is back: its tools live there.
      const rules = [onWake(() => turn.opened), ...diligent()];
      const tag = seam.split(".")[1]?.toLowerCase() ?? "";
      const player = await stage.idlePlayer(`killed-${tag}`, { rules });
      const threadId = `th-${tag}`;
      await stage.openThread(threadId, [player]);
      await stage.node.arm({ seam, passing: 1 }, null);
      await post(stage, threadId);
      await until(`the node to die at ${seam}`, 120_000, () => stage.node.deaths.length > 0);
      await stage.call("get_status");
      turn.open({ call: "read_messages", with: { thread_id: threadId } });
      await untilRead(stage, threadId, player);
      requireWakes(stage, player, 1);
    },
  };
}

/** Some programs give up a server that is away for so long. */
const awayMs = 25_000;

export const nodeAway: Scenario = {
  name: "node-away",
  title: "our node is away for a while, in a turn and between turns: the agent finds its tools again",
  async play(stage) {
    const turn = gate<Decision>();
    const rules = [onWake(() => turn.opened), ...diligent(), tryAgain];
    const player = await stage.idlePlayer("patient", { rules });
    await stage.openThread("th-patient", [player]);
    await post(stage, "th-patient", "Before.");
    await untilAsked(stage, player, /\[rouse /);
    await stage.node.kill(async () => {
      turn.open({ call: "read_messages", with: { thread_id: "th-patient" } });
      await pause(awayMs);
    });
    await untilRead(stage, "th-patient", player);
    await stage.node.kill(() => pause(awayMs));
    await post(stage, "th-patient", "After.");
    await untilRead(stage, "th-patient", player);
    requireWakes(stage, player, 2);
  },
};

export const nodeKilled: readonly Scenario[] = [
  nodeKilledAt("node-killed-typing", "typing.enterSent"),
  nodeKilledAt("node-killed-unrecorded", "effect.settling"),
];
