import type { AnyPortImplementation } from "../../runtime/ports.ts";
import { adoptTerminalPort } from "./adopt-terminal.ts";
import { answerPromptPort } from "./answer-prompt.ts";
import { deliverWakePort } from "./deliver-wake.ts";
import { launchTerminalPort } from "./launch-terminal.ts";
import { LivePrograms } from "./live-programs.ts";
import { resumeSessionPort } from "./resume-session.ts";
import { spawnSessionPort } from "./spawn-session.ts";
import { stopTerminalPort } from "./stop-terminal.ts";
import { watchTerminalPort } from "./watch-terminal.ts";
import type { WorldOptions } from "./world.ts";

/** Implementations of every port that touches the world of one host. */
export function createWorldPorts(world: WorldOptions): AnyPortImplementation[] {
  const programs = new LivePrograms();
  return [
    launchTerminalPort(world, programs),
    adoptTerminalPort(world),
    watchTerminalPort(world, programs),
    stopTerminalPort(world),
    answerPromptPort(world, programs),
    deliverWakePort(world, programs),
    resumeSessionPort(world),
    spawnSessionPort(world),
  ];
}
