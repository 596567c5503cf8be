import { tmpdir } from "node:os";
import { findProgram } from "../../../adapters/agents/find-program.ts";
import type { Finding, Host } from "../../../adapters/agents/host.ts";
import { createTmuxTerminal } from "../../../adapters/terminals/tmux/terminal.ts";
import { systemClock } from "../../../runtime/clock.ts";
import { failureOf } from "../failure.ts";

/** Which terminals agents that are launched here will live in. */
export async function terminalFinding({ environment }: Host): Promise<Finding> {
  const program = findProgram("tmux", environment["PATH"]);
  const without = "agents get terminals of our own";
  if (program === null) {
    return {
      status: "warn",
      text: `tmux is not installed: ${without}.`,
      nextStep: "Install tmux 3.2 or newer to have them in tmux.",
    };
  }
  try {
    const { version } = await createTmuxTerminal({ folder: tmpdir(), clock: systemClock, program }).probe();
    return { status: "ok", text: `tmux ${version.slice(0, 32)} is there.` };
  } catch (error) {
    const { message } = failureOf(error);
    return {
      status: "warn",
      text: `tmux cannot be used (${message}): ${without}.`,
      nextStep: "Install tmux 3.2 or newer to have them in tmux.",
    };
  }
}
