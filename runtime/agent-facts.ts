import type { AgentFacts } from "../machines/participant/contract.ts";
import type { RuntimeFacts, RuntimeState } from "../machines/runtime/contract.ts";
import type { RuntimeContext } from "../machines/runtime/events.ts";
import type { Agent } from "./domain.ts";
import type { ActorRecord } from "./kernel.ts";
import type { StoredActor } from "./store.ts";

/** The truth about an agent as its participants should see it, from the tables. Pure. */
export function agentFacts(agent: Agent | null, runtimes: readonly StoredActor[]): AgentFacts {
  const facts = runtimes.flatMap(reportedFacts);
  return {
    runtime: facts.find(isLiving) ?? facts[0] ?? null,
    session: agent?.session ?? null,
    lastHeartbeatAt: agent?.lastHeartbeatAt ?? null,
    spawnHost: agent === null || agent.definition === null ? null : agent.host,
  };
}

const deadStates: ReadonlySet<RuntimeState> = new Set(["dead", "crashLooping", "deregistered", "stale"]);

function isLiving(facts: RuntimeFacts): boolean {
  return !deadStates.has(facts.state);
}

/** What a runtime's chart published last. */
function reportedFacts(actor: StoredActor): RuntimeFacts[] {
  const { snapshot } = JSON.parse(actor.record) as ActorRecord;
  const { reported } = snapshot["context"] as RuntimeContext;
  return reported === null ? [] : [reported];
}
