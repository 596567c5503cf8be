import { RouseError } from "../../runtime/errors.ts";
import type { Member, Thread } from "../../runtime/domain.ts";
import type { Transaction } from "../../runtime/store.ts";
import type { Caller } from "./caller.ts";
import { hasAuthority, seesEverything } from "./role-sets.ts";

/** Who may see and touch which thread. Throw `thread_not_found`, `not_a_participant`, `thread_closed`. */

export async function requireThread(tx: Transaction, threadId: string): Promise<Thread> {
  const thread = await tx.getThread(threadId);
  if (thread !== null) return thread;
  throw new RouseError("thread_not_found", `there is no thread ${threadId}`, {
    nextStep: "List the threads to find its id.",
    details: { thread_id: threadId },
  });
}

export async function requireMember(tx: Transaction, threadId: string, agentId: string): Promise<Member> {
  const member = await tx.getMember({ threadId, agentId });
  if (member === null) throw await missingMember(tx, threadId, agentId);
  return member;
}

/** The first that is no member is named. */
export async function requireMembers(
  tx: Transaction,
  threadId: string,
  agentIds: readonly string[],
): Promise<void> {
  const found = new Set((await tx.getMembers({ threadId, agentIds })).map(({ agentId }) => agentId));
  const missing = agentIds.find((agentId) => !found.has(agentId));
  if (missing !== undefined) throw await missingMember(tx, threadId, missing);
}

async function missingMember(tx: Transaction, threadId: string, agentId: string): Promise<RouseError> {
  await requireThread(tx, threadId);
  return new RouseError("not_a_participant", `${agentId} is not a participant of thread ${threadId}`, {
    nextStep: "Ask a coordinator or a person to add the agent to the thread.",
    details: { thread_id: threadId, agent_id: agentId },
  });
}

export interface Access {
  thread: Thread;
  /** The caller's own membership, or null for an overseer who is not a member. */
  member: Member | null;
}

/** Members read their threads; coordinators, auditors and people read all. */
export async function requireReadable(tx: Transaction, caller: Caller, threadId: string): Promise<Access> {
  const thread = await requireThread(tx, threadId);
  const member = seesEverything(caller.role)
    ? await tx.getMember({ threadId, agentId: caller.agentId })
    : await requireMember(tx, threadId, caller.agentId);
  return { thread, member };
}

/** Members act in their threads; coordinators and people in all. */
export async function requireActing(tx: Transaction, caller: Caller, threadId: string): Promise<void> {
  await requireMembers(tx, threadId, actingMembers(caller));
}

/** Who has to be a member for the caller to act: itself, or nobody. */
export function actingMembers(caller: Caller): string[] {
  return hasAuthority(caller.role) ? [] : [caller.agentId];
}

export function requireOpen({ threadId, status }: Pick<Thread, "threadId" | "status">): void {
  if (status !== "closed") return;
  throw new RouseError("thread_closed", `thread ${threadId} is closed`, {
    nextStep: "Create a new thread, or ask a coordinator to reopen this one.",
    details: { thread_id: threadId },
  });
}

/** A decision over others is explained. Throws `reason_required`. */
export function requireReason(reason: string | undefined, what: string): string {
  if (reason !== undefined && reason.trim() !== "") return reason;
  throw new RouseError("reason_required", `${what} needs a reason`, {
    nextStep: "Say why in `reason`; it is kept in the audit.",
  });
}
