import type { Payloads, Runtime } from "../payloads.ts";
import { printable } from "../../../runtime/printable.ts";
import { moreText } from "./more.ts";

type Waiting = Payloads["list_prompts"]["prompts"][number];

export function promptPages({ prompts, ...page }: Payloads["list_prompts"]): string {
  if (prompts.length === 0) return `No dialog waits for a person.\n${moreText(page)}`;
  return prompts.map(promptPage).join("\n") + moreText(page);
}

function promptPage({ runtime_id, agent_id, host, dialog, prompt, attach, answer }: Waiting): string {
  const head = `${agent_id} asks (${dialog}) in runtime ${runtime_id} on ${host}:`;
  const before =
    answer?.outcome === "unconfirmed"
      ? [
          `An answer to ${answer.fingerprint} was given and its effect not seen: look before you answer again.`,
        ]
      : [];
  if (prompt === null) {
    const where = attach === null ? "its terminal" : `its terminal: ${attach}`;
    return [head, ...before, `  It is answered only in ${where}`, ""].join("\n");
  }
  const shown = printable(prompt.text)
    .split("\n")
    .map((line) => `  │ ${line}`.trimEnd());
  const how = `rouse runtime answer ${runtime_id} ${prompt.fingerprint} ${prompt.options.map(({ option }) => option).join("|")}`;
  return [head, ...before, ...shown, `  ${how}`, ""].join("\n");
}

export function answerText({ runtime: { runtime_id, answer } }: { runtime: Runtime }): string {
  if (answer === null) return `Nothing was answered in ${runtime_id}.\n`;
  const what = `${answer.option} (${printable(answer.label)}) in ${runtime_id}`;
  if (answer.outcome === "answered") return `Answered ${what}; the dialog went away.\n`;
  if (answer.outcome === "pending")
    return `Answering ${what}: rouse runtime show ${runtime_id} tells what becomes of it.\n`;
  return `Pressed ${what}, or not: the dialog was not seen to go away. See rouse prompts before you answer again.\n`;
}
