import type { AnyPortImplementation } from "../../runtime/ports.ts";
import { adoptTerminalPort } from "./adopt-terminal.ts";
import { deliverWakePort } from "./deliver-wake.ts";
import { launchTerminalPort } from "./launch-terminal.ts";
import { resumeSessionPort } from "./resume-session.ts";
import { spawnSessionPort } from "./spawn-session.ts";
import { stopTerminalPort } from "./stop-terminal.ts";
import { watchTerminalPort } from "./watch-terminal.ts";
import type { WorldOptions } from "./world.ts";

/** Implementations of every port that touches the world of one host. */
export function createWorldPorts(world: WorldOptions): AnyPortImplementation[] {
  return [
    launchTerminalPort(world),
    adoptTerminalPort(world),
    watchTerminalPort(world),
    stopTerminalPort(world),
    deliverWakePort(world),
    resumeSessionPort(world),
    spawnSessionPort(world),
  ];
}
