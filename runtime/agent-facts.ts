import type { AgentFacts } from "../machines/participant/contract.ts";
import type { RuntimeFacts, RuntimeState } from "../machines/runtime/contract.ts";
import type { RuntimeContext } from "../machines/runtime/events.ts";
import type { Agent } from "./domain.ts";
import type { ActorRecord } from "./kernel.ts";
import type { StoredActor } from "./store.ts";

/** The truth about an agent as its participants should see it, from the tables. Pure. */
export function agentFacts(agent: Agent | null, runtimes: readonly StoredActor[]): AgentFacts {
  const facts = runtimes.map(runtimeFacts);
  return {
    runtime: facts.find(isLiving) ?? facts[0] ?? null,
    session: agent?.session ?? null,
    lastHeartbeatAt: agent?.lastHeartbeatAt ?? null,
    spawnHost: agent?.definition == null ? null : agent.host,
  };
}

const deadStates: readonly RuntimeState[] = ["dead", "crashLooping", "deregistered", "stale"];

function isLiving(facts: RuntimeFacts): boolean {
  return !deadStates.includes(facts.state);
}

/** What a runtime actor would publish in the state it is in. */
export function runtimeFacts(actor: StoredActor): RuntimeFacts {
  const { snapshot } = JSON.parse(actor.record) as ActorRecord;
  const context = snapshot["context"] as RuntimeContext;
  return {
    runtimeId: context.runtimeId,
    agentId: context.agentId,
    host: context.host,
    backend: context.backend,
    management: context.management,
    injection: context.injection,
    state: runtimeState(snapshot["value"], context),
    dialog: context.observation.dialog ?? null,
    limitedUntil: context.observation.limitedUntil ?? null,
    sessionId: context.sessionId,
    detail: context.detail,
  };
}

function runtimeState(value: unknown, context: RuntimeContext): RuntimeState {
  const lifecycle = (value as { lifecycle: unknown }).lifecycle;
  if (typeof lifecycle === "string")
    return lifecycle === "stopping" ? "deregistered" : (lifecycle as RuntimeState);
  return context.observation.activity;
}
