import type { Message } from "../../runtime/domain.ts";
import { isRouseError } from "../../runtime/errors.ts";
import type { ClaimedEffect, Lease, Store, Transaction, TurnCommit } from "../../runtime/store.ts";
import type { StoreObserver } from "./store-observer.ts";

/** The same store; what goes through it is told to the observer, in memory and after the commit. */
export function observeStore(store: Store, observer: Required<StoreObserver>): Store {
  return {
    ...store,
    transaction: observedTransaction(store, observer),
    fireTimers: observedTimers(store, observer),
    ...observedEffects(store, observer),
  };
}

class Seen {
  readonly commits: TurnCommit[] = [];
  readonly messages: Message[] = [];
  isTurn = false;
  now = 0;
}

function observedTransaction(store: Store, observer: Required<StoreObserver>): Store["transaction"] {
  return async (work, options) => {
    const startedAt = performance.now();
    let seen = new Seen();
    try {
      if (options?.readOnly === true) return await store.transaction(work, options);
      const result = await store.transaction((tx) => {
        seen = new Seen();
        return work(watched(tx, seen));
      }, options);
      tellCommitted(seen, observer, performance.now() - startedAt);
      return result;
    } catch (error) {
      observer.failed(error, seen.isTurn);
      throw error;
    }
  };
}

function tellCommitted(
  { commits, messages, isTurn, now }: Seen,
  observer: Required<StoreObserver>,
  durationMs: number,
): void {
  if (commits.length === 0 && messages.length === 0) return;
  observer.committed({ commits, messages, isTurn, now, durationMs });
}

function watched(tx: Transaction, seen: Seen): Transaction {
  seen.now = tx.now;
  return {
    ...tx,
    claimReady(request) {
      seen.isTurn = true;
      return tx.claimReady(request);
    },
    async commitTurns(commits) {
      await tx.commitTurns(commits);
      seen.commits.push(...commits);
    },
    async appendMessage(message) {
      const appended = await tx.appendMessage(message);
      seen.messages.push(appended.message);
      return appended;
    },
  };
}

function observedTimers(store: Store, observer: Required<StoreObserver>): Store["fireTimers"] {
  /** When the earliest timer was to fire, as the pass before told. */
  let dueAt: number | null = null;
  return async (request) => {
    const result = await telling(store.fireTimers(request), observer);
    const now = performance.now();
    if (result.fired > 0)
      observer.timersFired(result.fired, dueAt === null ? null : Math.max(0, now - dueAt));
    dueAt = result.nextDueInMs === null ? null : now + result.nextDueInMs;
    return result;
  };
}

type EffectMethods = Pick<Store, "claimEffects" | "claimExpiredEffects" | "settleEffect" | "releaseEffect">;

function observedEffects(store: Store, observer: Required<StoreObserver>): EffectMethods {
  const held = new Map<string, { effect: ClaimedEffect; claimedAt: number }>();
  const hold = (effects: ClaimedEffect[]): ClaimedEffect[] => {
    const claimedAt = performance.now();
    for (const effect of effects) held.set(keyOf(effect.lease), { effect, claimedAt });
    return effects;
  };
  const letGo = (lease: Lease): { effect: ClaimedEffect; claimedAt: number } | undefined => {
    const found = held.get(keyOf(lease));
    held.delete(keyOf(lease));
    return found;
  };
  const lose = (lease: Lease): void => {
    const lost = letGo(lease);
    if (lost !== undefined) observer.effectLost(lost.effect);
  };
  return {
    claimEffects: async (request) => hold(await telling(store.claimEffects(request), observer)),
    claimExpiredEffects: async (request) => hold(await telling(store.claimExpiredEffects(request), observer)),
    async settleEffect(lease, outcome) {
      try {
        await store.settleEffect(lease, outcome);
      } catch (error) {
        if (isRouseError(error, "lease_lost")) lose(lease);
        else observer.failed(error, false);
        throw error;
      }
      const ended = letGo(lease);
      if (ended === undefined) return;
      const { effect, claimedAt } = ended;
      observer.effectEnded({ effect, outcome, durationMs: performance.now() - claimedAt });
    },
    async releaseEffect(lease) {
      lose(lease);
      await telling(store.releaseEffect(lease), observer);
    },
  };
}

async function telling<Result>(call: Promise<Result>, observer: Required<StoreObserver>): Promise<Result> {
  try {
    return await call;
  } catch (error) {
    observer.failed(error, false);
    throw error;
  }
}

function keyOf({ address, incarnation, token }: Lease): string {
  return `${address} ${incarnation} ${token}`;
}
