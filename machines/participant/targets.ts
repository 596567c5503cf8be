import type { RuntimeFacts } from "../runtime/contract.ts";
import type { ParticipantContext, Wake } from "./events.ts";

/** What a state may rely on because the guard before it looked. */

export function requireWake({ wake, threadId, agentId }: ParticipantContext): Wake {
  if (wake === null) throw new Error(`no wake is under way for ${agentId} in ${threadId}`);
  return wake;
}

export function requireRuntime({ agent, agentId }: ParticipantContext): RuntimeFacts {
  if (agent.runtime === null) throw new Error(`no runtime of ${agentId} is known`);
  return agent.runtime;
}

export function requireStartId(context: ParticipantContext): string {
  const { runtimeId, wakeId } = requireWake(context);
  if (runtimeId === null) throw new Error(`wake ${wakeId} has chosen no runtime id`);
  return runtimeId;
}

export function requireSession({ agent, agentId }: ParticipantContext): { sessionId: string; host: string } {
  if (agent.session === null) throw new Error(`no session of ${agentId} is known`);
  return agent.session;
}

export function requireSpawnHost({ agent, agentId }: ParticipantContext): string {
  if (agent.spawnHost === null) throw new Error(`no host can start ${agentId}`);
  return agent.spawnHost;
}
