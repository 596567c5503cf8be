import { adoptTerminal } from "../../machines/runtime/ports.ts";
import { RouseError, isRouseError } from "../../runtime/errors.ts";
import { implementPort, type AnyPortImplementation } from "../../runtime/ports.ts";
import type { TerminalAddress } from "../../runtime/terminal.ts";
import type { WorldOptions } from "./world.ts";

export function adoptTerminalPort(world: WorldOptions): AnyPortImplementation {
  return implementPort(adoptTerminal, async ({ input }) => ({
    address: await adopt(world, { server: input.server, target: input.target }),
    sessionId: null,
  }));
}

/** The first backend that knows the pane. */
async function adopt(
  world: WorldOptions,
  pane: { server: string; target: string },
): Promise<TerminalAddress> {
  let missing = new RouseError("terminal_missing", `there is no pane ${pane.target} on ${pane.server}`, {
    nextStep: "Give the socket path of the tmux server and the pane id, such as %3.",
  });
  for (const terminal of Object.values(world.terminals)) {
    try {
      return await terminal.adopt(pane);
    } catch (error) {
      if (!isRouseError(error, "terminal_missing") && !isRouseError(error, "terminal_backend_missing"))
        throw error;
      missing = error;
    }
  }
  throw missing;
}
