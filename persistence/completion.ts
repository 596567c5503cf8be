import { outcomeSender } from "../machines/port.ts";
import { RouseError } from "../runtime/errors.ts";
import type { ActorEvent, Cause, EffectOutcome, EffectRequest, Lease } from "../runtime/store.ts";

export interface Completion {
  from: string;
  event: ActorEvent;
  cause: Cause;
}

/** What the actor hears of a settled effect: XState's own completion events. Null for a retry. */
export function completionEvent(effect: EffectRequest, outcome: EffectOutcome): Completion | null {
  if (outcome.status === "retry") return null;
  const { invokeId, incarnation, port } = effect;
  const actorId = invokeId;
  const event =
    outcome.status === "done"
      ? { type: `xstate.done.actor.${invokeId}`, output: outcome.output, actorId }
      : { type: `xstate.error.actor.${invokeId}`, error: outcome.error, actorId };
  return {
    from: outcomeSender(port),
    event: { ...event, ...outcome.trace },
    cause: { type: "invoke", id: invokeId, incarnation },
  };
}

export function leaseLost({ address, incarnation }: Lease): RouseError {
  return new RouseError(
    "lease_lost",
    `Effect ${incarnation} of ${address} is no longer held under this lease.`,
    {
      nextStep: "Stop the work: the chart withdrew it, or another node took it over.",
      details: { address, incarnation },
    },
  );
}
