import type { AgentFacts } from "../machines/participant/contract.ts";
import { isLiving, isManagedLiving } from "../machines/participant/facts.ts";
import type { RuntimeFacts } from "../machines/runtime/contract.ts";
import type { RuntimeContext } from "../machines/runtime/events.ts";
import type { Agent } from "./domain.ts";
import type { StoredActor } from "./store.ts";
import { requireSnapshot } from "./stored-snapshot.ts";

/** The truth about an agent as its participants should see it, from the tables. Pure. */
export function agentFacts(agent: Agent | null, runtimes: readonly StoredActor[]): AgentFacts {
  const facts = runtimes.flatMap(reportedFacts);
  const living = facts.filter(isLiving).toSorted((one, other) => (one.runtimeId < other.runtimeId ? -1 : 1));
  const runtime = living.find(isManagedLiving) ?? living[0] ?? facts[0] ?? null;
  return {
    runtime,
    spares: living.filter((other) => other !== runtime),
    session: agent?.session ?? null,
    lastHeartbeatAt: agent?.lastHeartbeatAt ?? null,
    spawnHost: agent === null || agent.definition === null ? null : agent.host,
  };
}

/** What a runtime's chart published last. */
function reportedFacts(actor: StoredActor): RuntimeFacts[] {
  const { reported } = requireSnapshot(actor)["context"] as RuntimeContext;
  return reported === null ? [] : [reported];
}
