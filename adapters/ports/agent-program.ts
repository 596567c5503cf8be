import type { Agent } from "../../runtime/domain.ts";
import { isRouseError } from "../../runtime/errors.ts";
import type { AgentProgram } from "../agents/kind.ts";
import { readAgentProgram } from "../agents/registry.ts";
import type { WorldOptions } from "./world.ts";

/** How the agent is started and read, or null when nobody told us, or what we were told is not understood. */
export async function getAgentProgram(world: WorldOptions, agentId: string): Promise<AgentProgram | null> {
  const agent = await world.engine.store.transaction((tx) => tx.getAgent(agentId), { readOnly: true });
  return agent === null ? null : programOf(world, agent);
}

function programOf(world: WorldOptions, { kind, definition }: Agent): AgentProgram | null {
  if (kind === null || definition === null) return null;
  try {
    return readAgentProgram(world.kinds, kind, definition);
  } catch (error) {
    if (isRouseError(error, "invalid_input")) return null;
    throw error;
  }
}
