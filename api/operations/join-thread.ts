import { addresses, topics } from "../../machines/mail.ts";
import type { ParticipantEvent, ParticipantInput } from "../../machines/participant/events.ts";
import { agentFacts } from "../../runtime/agent-facts.ts";
import type { StoredActor, Transaction } from "../../runtime/store.ts";
import { snapshotIn } from "../../runtime/stored-snapshot.ts";
import { requireOpen, requireThread } from "./access.ts";
import { pausedBy } from "./injection-switch.ts";
import type { Workspace } from "./operation.ts";

/** Makes the agent a member of the thread, with its participant actor. Throws `already_exists`, `thread_closed`. */
export async function joinThread(
  tx: Transaction,
  workspace: Workspace,
  { threadId, agentId }: { threadId: string; agentId: string },
): Promise<void> {
  const runtimes = await holdRuntimes(tx, agentId);
  await tx.insertMember({ threadId, agentId });
  // Only now is the thread's row ours: a change of status that came first is seen here, one that comes later waits.
  const thread = await requireThread(tx, threadId);
  requireOpen(thread);
  const agent = await tx.getAgent(agentId);
  const input: ParticipantInput = {
    threadId,
    agentId,
    policy: workspace.policies.wake,
    agent: agentFacts(agent, runtimes),
    threadStatus: thread.status,
    pausedBy: await pausedBy(tx, { agentId, threadId }),
  };
  await workspace.engine.create(tx, {
    kind: "participant",
    address: addresses.participant(threadId, agentId),
    input,
    subject: agentId,
    topics: [topics.agent(agentId), topics.thread(threadId), topics.workspace],
  });
  await tellUnread(tx, input);
}

/**
 * Keeps the agent's terminals from reporting until the newcomer is subscribed: a report made meanwhile would miss it. Before
 * the thread's row, because turns lock actors first, too.
 */
async function holdRuntimes(tx: Transaction, agentId: string): Promise<StoredActor[]> {
  const found = await tx.listActorsBySubject({ kind: "runtime", subject: agentId });
  const held: StoredActor[] = [];
  for (const { address, status } of found) {
    const claim = status === "active" ? await tx.claimActor(address) : null;
    // One that cannot be read counts as it will when its own turn has set it aside: not at all.
    if (claim !== null && snapshotIn(claim.actor) !== null) held.push(claim.actor);
  }
  return held;
}

/** Broadcasts from before are unread to a newcomer. */
async function tellUnread(tx: Transaction, known: ParticipantInput): Promise<void> {
  const { threadId, agentId, threadStatus, agent } = known;
  const member = await tx.getMember({ threadId, agentId });
  if (member === null || member.headSeq === 0) return;
  const event: ParticipantEvent = {
    type: "state.reconciled",
    headSeq: member.headSeq,
    lastReadSeq: member.lastReadSeq,
    unread: await tx.countUnread(member),
    threadStatus,
    agent,
  };
  await tx.send([{ to: addresses.participant(threadId, agentId), from: "engine", event: { ...event } }]);
}
