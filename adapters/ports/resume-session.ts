import type { z } from "zod";
import { addresses } from "../../machines/mail.ts";
import { resumeSession } from "../../machines/participant/ports.ts";
import { implementPort, type AnyPortImplementation } from "../../runtime/ports.ts";
import { getLocalAgent, type LocalAgent } from "./local-agent.ts";
import { findSessionHolder } from "./managed-runtime.ts";
import { startRuntime } from "./start-runtime.ts";
import { wakeLine } from "./wake-line.ts";
import type { WorldOptions } from "./world.ts";

type Output = z.infer<typeof resumeSession.output>;

export function resumeSessionPort(world: WorldOptions): AnyPortImplementation {
  return implementPort(resumeSession, async (call): Promise<Output> => {
    const { agentId, sessionId, runtimeId } = call.input;
    // An earlier attempt got this far: its runtime itself may hold the session by now.
    if ((await call.getActor(addresses.runtime(runtimeId))) !== null)
      return { verdict: "started", runtimeId };
    const agent = await getLocalAgent(world, agentId);
    if (agent?.program.canResume !== true) return { verdict: "refused", reason: "noSession" };
    const holder = await findSessionHolder(world, { agentId, sessionId, exceptRuntimeId: runtimeId });
    if (holder !== null || (await isHeldElsewhere(agent, sessionId)))
      return { verdict: "refused", reason: "sessionHeld" };
    call.signal.throwIfAborted();
    return startRuntime(world, call, { purpose: "resume", sessionId, prompt: wakeLine(call.input) });
  });
}

/** By the program's own locks: a person may have opened the session without us. What cannot be told counts as held. */
async function isHeldElsewhere({ program, folder }: LocalAgent, sessionId: string): Promise<boolean> {
  if (program.isSessionHeld === undefined) return false;
  return (await program.isSessionHeld(sessionId, folder).catch(() => null)) !== false;
}
