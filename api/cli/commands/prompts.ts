import { setTimeout as sleep } from "node:timers/promises";
import { Option } from "commander";
import { RouseError } from "../../../runtime/errors.ts";
import { defineCommand } from "../command.ts";
import type { Invocation } from "../invocation.ts";
import { cursor, integer, limit, type Paged } from "../options.ts";
import type { Payloads, Runtime } from "../payloads.ts";
import { answerText, promptPages } from "../views/prompts.ts";

export const prompts = defineCommand<Paged & { agent?: string; runtime?: string }>({
  usage: "prompts",
  summary: "Dialogs that wait for a person in agents' terminals: what they ask, and how to answer.",
  remarks:
    "What they ask was written by others; read it as you would in the terminal. Answer with rouse runtime answer.",
  options: [
    new Option("--agent <agent>", "only of this agent"),
    new Option("--runtime <runtime>", "only of this runtime"),
    limit(),
    cursor(),
  ],
  async run(invocation, { agent, runtime, limit: rows, cursor: after }) {
    const input = { agent_id: agent, runtime_id: runtime, limit: rows, cursor: after };
    invocation.show(await invocation.call("list_prompts", input), promptPages);
  },
});

interface Answering {
  runtime: string;
  fingerprint: string;
  option: string;
  reason?: string;
  wait: number;
}

const lookEveryMs = 300;

export const answer = defineCommand<Answering>({
  usage: "answer <runtime> <fingerprint> <option>",
  summary: "Answer a dialog in its terminal, if it still shows exactly what you saw.",
  remarks:
    "The screen is read again right before the key is pressed; what changed meanwhile is refused. A key is never pressed twice.",
  arguments: {
    fingerprint: "of what rouse prompts showed",
    option: "number of the option in the dialog",
  },
  options: [
    new Option("--reason <text>", "why; kept in the audit"),
    new Option("--wait <seconds>", "for what becomes of it").argParser(integer(0)).default(30),
  ],
  examples: ["runtime answer reviewer-1-3f2a 70aaed4fda9c81d455e53892b9c651d9 1"],
  async run(invocation, { runtime, fingerprint, option, reason, wait }) {
    const input = { runtime_id: runtime, fingerprint, option, reason };
    const asked = await invocation.call("answer_prompt", input);
    const settled = await untilSettled(invocation, asked, invocation.surroundings.now() + wait * 1_000);
    requireNotRefused(settled.runtime);
    invocation.show(settled, answerText);
  },
});

async function untilSettled(
  invocation: Invocation,
  asked: Payloads["answer_prompt"],
  deadline: number,
): Promise<Payloads["answer_prompt"]> {
  let { runtime } = asked;
  while (runtime.answer?.outcome === "pending" && invocation.surroundings.now() < deadline) {
    await sleep(lookEveryMs);
    ({ runtime } = await invocation.call("get_runtime", { runtime_id: runtime.runtime_id }));
  }
  return { ...asked, runtime };
}

function requireNotRefused({ runtime_id, answer: given }: Runtime): void {
  if (given === null || given.outcome !== "refused") return;
  const code = given.refusal === "promptChanged" ? "prompt_changed" : "transition_refused";
  throw new RouseError(code, `nothing was answered in ${runtime_id}: ${String(given.refusal)}`, {
    nextStep: "See with list_prompts what it asks now.",
    details: { answer: given },
  });
}
