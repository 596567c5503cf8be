import type { Agent, AgentSession, Page } from "../../runtime/domain.ts";
import { pageOf } from "../page.ts";
import { compare, copyOf, type Scope } from "./state.ts";

export function putAgent(
  { state }: Scope,
  { agentId, kind, definition, host }: Pick<Agent, "agentId" | "kind" | "definition" | "host">,
): void {
  const before = state.agents.get(agentId) ?? newAgent(agentId);
  state.agents.put(agentId, { ...before, kind, definition: copyOf(definition), host });
}

export function getAgent({ state }: Scope, agentId: string): Agent | null {
  const agent = state.agents.get(agentId);
  return agent === undefined ? null : copyOf(agent);
}

export function listAgents(
  { state }: Scope,
  { after = "", limit }: { after?: string; limit: number },
): Page<Agent> {
  const rows = state.agents
    .values()
    .filter(({ agentId }) => agentId > after)
    .toSorted((a, b) => compare(a.agentId, b.agentId))
    .slice(0, limit + 1);
  return pageOf(copyOf(rows), limit, ({ agentId }) => agentId);
}

export function recordHeartbeat(
  { state, now }: Scope,
  { agentId, session }: { agentId: string; session: AgentSession | null },
): Agent {
  const before = state.agents.get(agentId) ?? newAgent(agentId);
  const lastHeartbeatAt = Math.max(before.lastHeartbeatAt ?? now, now);
  const agent = { ...before, lastHeartbeatAt, session: session === null ? before.session : { ...session } };
  state.agents.put(agentId, agent);
  return copyOf(agent);
}

/** Creates the agent when it is new. */
export function pauseAgent(
  { state }: Scope,
  { agentId, paused }: { agentId: string; paused: boolean },
): void {
  state.agents.put(agentId, { ...(state.agents.get(agentId) ?? newAgent(agentId)), paused });
}

function newAgent(agentId: string): Agent {
  return {
    agentId,
    kind: null,
    definition: null,
    host: null,
    session: null,
    lastHeartbeatAt: null,
    paused: false,
  };
}
