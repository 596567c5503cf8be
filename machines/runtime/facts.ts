import { activities, type RuntimeFacts, type RuntimeState } from "./contract.ts";
import type { RuntimeContext } from "./events.ts";

/** The report to the agent's participants when the runtime stands in `state`. */
export function factsOf(context: RuntimeContext, state: RuntimeState): RuntimeFacts {
  const { runtimeId, agentId, host, backend, management, injection, observation, sessionId, detail } =
    context;
  return {
    runtimeId,
    agentId,
    host,
    backend,
    management,
    injection,
    state,
    dialog: state === "dialog" ? (observation.dialog ?? null) : null,
    limitedUntil: state === "limited" ? (observation.limitedUntil ?? null) : null,
    sessionId,
    detail: isLive(state) ? null : detail,
  };
}

export function sameFacts(one: RuntimeFacts, other: RuntimeFacts): boolean {
  return (Object.keys(one) as (keyof RuntimeFacts)[]).every((key) => one[key] === other[key]);
}

export function isLive(state: RuntimeState): boolean {
  return (activities as readonly RuntimeState[]).includes(state);
}
