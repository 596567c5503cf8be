import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { genericDefinitionForScriptedAgent } from "../../../adapters/agents/scripted/definition.ts";
import type { ScriptedRole } from "../../../adapters/agents/scripted/roles.ts";
import type { NotedWake } from "../../../adapters/agents/scripted/wake-log.ts";
import type { Stage } from "./stage.ts";

/** Who plays: scripted agents, each an ordinary program in a terminal that speaks MCP. */

export interface Player {
  agentId: string;
  role: ScriptedRole;
  /** Whom its posts are directed to; left out: everybody. */
  to?: string;
  /** What a turn of it takes before it reads. */
  thinkMs: number;
}

export async function registerPlayers(stage: Stage, players: readonly Player[]): Promise<void> {
  for (const player of players) {
    const { agentId, role, to, thinkMs } = player;
    const cwd = folderOf(stage, agentId);
    await mkdir(cwd, { recursive: true });
    const definition = genericDefinitionForScriptedAgent({
      role,
      cwd,
      thinkMs,
      stateFile: join(cwd, "sessions.json"),
      logFile: join(cwd, "wakes.jsonl"),
      args: to === undefined ? [] : ["--to", to],
    });
    await stage.call("register_agent", { agent_id: agentId, kind: "generic", definition });
  }
}

export async function launchPlayer(stage: Stage, agentId: string): Promise<void> {
  await stage.call("register_runtime", { agent_id: agentId, mode: "launch" });
}

/** What the agent itself noted of the wakes that it was given. */
export async function readWakeLog(stage: Stage, agentId: string): Promise<NotedWake[]> {
  const text = await readFile(join(folderOf(stage, agentId), "wakes.jsonl"), "utf8").catch(() => "");
  return text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as NotedWake);
}

function folderOf({ home }: Stage, agentId: string): string {
  return join(home, "agents", agentId);
}
