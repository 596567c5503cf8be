import { works, type Transaction, type TurnCommit, type Work } from "./store.ts";

/** What commits ask for, so that only those are rung who have something to do. */

const asksFor: Record<Work, (commit: TurnCommit) => boolean> = {
  mail: ({ outgoing, published }) => outgoing.length > 0 || published.length > 0,
  timers: ({ timersArmed }) => timersArmed.length > 0,
  effects: ({ effectsRequested }) => effectsRequested.length > 0,
};

export function workOf(commits: readonly TurnCommit[]): Work[] {
  return works.filter((work) => commits.some(asksFor[work]));
}

/**
 * The transaction, with a note of what to ring for after its commit: mail, which it may send, and what its actors ask for.
 * `onHeld` hears when it holds an actor: turns pass that over until the end.
 */
export function noteWork(tx: Transaction, onHeld: () => void): { tx: Transaction; asked: ReadonlySet<Work> } {
  const asked = new Set<Work>(["mail"]);
  const commitTurns = (commits: readonly TurnCommit[]): Promise<void> => {
    for (const work of workOf(commits)) asked.add(work);
    return tx.commitTurns(commits);
  };
  const claimActor: Transaction["claimActor"] = (address) => {
    onHeld();
    return tx.claimActor(address);
  };
  return { tx: { ...tx, commitTurns, claimActor }, asked };
}
