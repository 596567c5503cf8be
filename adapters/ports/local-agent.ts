import { join } from "node:path";
import { isRouseError } from "../../runtime/errors.ts";
import type { AgentProgram } from "../agents/kind.ts";
import { readAgentProgram } from "../agents/registry.ts";
import type { WorldOptions } from "./world.ts";

export interface LocalAgent {
  program: AgentProgram;
  /** The agent's own on this host; made when the program is prepared. */
  folder: string;
}

/** How the agent is started and read, or null when nobody told us, or what we were told is not understood. */
export async function getLocalAgent(world: WorldOptions, agentId: string): Promise<LocalAgent | null> {
  const agent = await world.engine.store.transaction((tx) => tx.getAgent(agentId), { readOnly: true });
  if (agent === null || agent.kind === null || agent.definition === null) return null;
  const { kind, definition } = agent;
  try {
    const program = readAgentProgram(world.kinds, kind, definition);
    return { program, folder: join(world.agentFolders, agentId, kind) };
  } catch (error) {
    if (isRouseError(error, "invalid_input")) return null;
    throw error;
  }
}
