import { RouseError } from "../runtime/errors.ts";

/** Refusals of rows that are not there; both stores say the same. */

export function actorNotFound(addresses: readonly string[]): RouseError {
  return new RouseError("actor_not_found", `There is no actor ${addresses.join(", ")}.`, {
    nextStep: "Check the address, or create the actor first.",
    details: { addresses },
  });
}

export function threadNotFound(threadId: string): RouseError {
  return new RouseError("thread_not_found", `There is no thread ${threadId}.`, {
    nextStep: "List the threads to find its id.",
    details: { threadId },
  });
}

export function notAParticipant({ threadId, agentId }: { threadId: string; agentId: string }): RouseError {
  return new RouseError("not_a_participant", `${agentId} is not a participant of thread ${threadId}.`, {
    nextStep: "Add the agent to the thread first.",
    details: { threadId, agentId },
  });
}

export function agentNotFound(agentId: string): RouseError {
  return new RouseError("agent_not_found", `There is no agent ${agentId}.`, {
    nextStep: "Register the agent, or let it send a heartbeat first.",
    details: { agentId },
  });
}

export function alreadyExists(what: string): RouseError {
  return new RouseError("already_exists", `${what} exists already.`, {
    nextStep: "Use the existing one, or choose another id.",
  });
}
