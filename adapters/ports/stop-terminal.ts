import { stopTerminal } from "../../machines/runtime/ports.ts";
import { implementPort, type AnyPortImplementation } from "../../runtime/ports.ts";
import { requireTerminal, type WorldOptions } from "./world.ts";

export function stopTerminalPort(world: WorldOptions): AnyPortImplementation {
  return implementPort(stopTerminal, async ({ input }) => {
    await requireTerminal(world, input.address.backend).kill(input.address);
    return {};
  });
}
