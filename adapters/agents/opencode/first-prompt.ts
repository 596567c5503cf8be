import { systemClock } from "../../../runtime/clock.ts";
import type { RunningProgram } from "../kind.ts";
import type { OpencodeServer } from "./server.ts";
import { startVariable } from "./server-process.ts";
import { handIn, wakeMessage } from "./wake-message.ts";

/** With a session to go on in, opencode leaves out the prompt that it is started with: so it comes from here, by the environment. */
const textVariable = "ROUSE_FIRST_PROMPT";
const launchVariable = "ROUSE_LAUNCHED_AT";

export function firstPromptVariables(text: string): Record<string, string> {
  return { [textVariable]: text, [launchVariable]: String(systemClock.now()) };
}

/**
 * Hands in what the program was resumed for, once; also when a node before us was to do it and ended. In the session that it
 * was resumed for, whichever it shows by now: in another one it would be new.
 */
export async function handInFirstPrompt(
  server: OpencodeServer,
  { pid, runtimeId }: RunningProgram,
  signal: AbortSignal,
): Promise<void> {
  const text = startVariable(pid, textVariable);
  const sessionId = startVariable(pid, "ROUSE_SESSION");
  if (text === null || sessionId === null) return;
  // The wake that resumed it may come again by the channel: then it is the same message.
  const [, wakeId = runtimeId] = /\[rouse ([^\]\s]+)\]/.exec(text) ?? [];
  const message = wakeMessage(wakeId, text);
  const session = await server.findSession(sessionId, signal);
  if (session === null) return;
  // A program that died over the same wake has left the message unanswered.
  const handedInAt = await server.findMessage(sessionId, message.messageID, signal);
  if (handedInAt !== null && handedInAt >= Number(startVariable(pid, launchVariable))) return;
  await handIn(server, session, message, signal);
}
