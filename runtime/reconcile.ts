import { isDeepStrictEqual } from "node:util";
import { addresses } from "../machines/mail.ts";
import type { AgentFacts } from "../machines/participant/contract.ts";
import type { ParticipantContext, ParticipantEvent } from "../machines/participant/events.ts";
import { agentFacts } from "./agent-facts.ts";
import type { Member } from "./domain.ts";
import { snapshotIn } from "./stored-snapshot.ts";
import type { NewMail, Store, StoredActor, Transaction } from "./store.ts";

/**
 * Heals what an event may have missed (C1): compares every unread member with its actor and tells the actor the
 * truth where they differ. Twice in a row changes nothing.
 */
export async function reconcile(store: Store): Promise<number> {
  let after: string | undefined;
  let healed = 0;
  do {
    const query = after === undefined ? { limit: pageSize } : { limit: pageSize, after };
    const { found, next } = await store.transaction(async (tx) => {
      const page = await tx.listUnreadMembers(query);
      const mail = await Promise.all(page.rows.map((member) => correction(tx, member)));
      const differing = mail.filter((entry) => entry !== null);
      if (differing.length > 0) await tx.send(differing);
      return { found: differing.length, next: page.next };
    });
    healed += found;
    after = next ?? undefined;
  } while (after !== undefined);
  return healed;
}

const pageSize = 100;

type Truth = Extract<ParticipantEvent, { type: "state.reconciled" }>;

async function correction(tx: Transaction, member: Member): Promise<NewMail | null> {
  const { threadId, agentId } = member;
  const to = addresses.participant(threadId, agentId);
  const actor = await tx.getActor(to);
  if (actor === null || actor.status !== "active") return null;
  const thread = await tx.getThread(threadId);
  if (thread === null) return null;
  const runtimes = await tx.listActorsBySubject({ kind: "runtime", subject: agentId });
  // What it last reported is then unknown. Its own turn sets it aside; the other members are told all the same.
  if (runtimes.some((runtime) => snapshotIn(runtime) === null)) return null;
  const truth: Truth = {
    type: "state.reconciled",
    headSeq: member.headSeq,
    lastReadSeq: member.lastReadSeq,
    unread: await tx.countUnread(member),
    threadStatus: thread.status,
    agent: agentFacts(await tx.getAgent(agentId), runtimes),
  };
  return differs(actor, truth) ? { to, from: "reconciliation", event: { ...truth } } : null;
}

function differs(actor: StoredActor, truth: Truth): boolean {
  try {
    return !isKnown(truth, snapshotIn(actor));
  } catch {
    // Another chart stored it: told the truth, its own turn sets it aside where people see it.
    return true;
  }
}

function isKnown(truth: Truth, snapshot: ReturnType<typeof snapshotIn>): boolean {
  if (snapshot === null) return false;
  const context = snapshot["context"] as ParticipantContext;
  const known = {
    headSeq: context.headSeq,
    lastReadSeq: context.lastReadSeq,
    unread: context.unread,
    threadStatus: context.threadStatus,
    agent: comparable(context.agent),
  };
  const { type: _type, ...facts } = truth;
  return isDeepStrictEqual(known, { ...facts, agent: comparable(facts.agent) });
}

/** Which of the living runtimes is the target is the participant's own choice. */
function comparable({ runtime, spares, session, spawnHost }: AgentFacts) {
  const runtimes = new Map([runtime, ...spares].map((facts) => [facts?.runtimeId, facts]));
  return { runtimes, session, spawnHost };
}
