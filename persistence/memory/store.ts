import type { Lease, Store, Transaction } from "../../runtime/store.ts";
import { readOnly } from "../read-only.ts";
import * as actors from "./actors.ts";
import * as effects from "./effects.ts";
import * as leases from "./leases.ts";
import * as nodes from "./nodes.ts";
import { listAudit } from "./operations.ts";
import { listEscalations, listWakes } from "./records.ts";
import * as reports from "./reports.ts";
import { State, type Scope } from "./state.ts";
import * as timers from "./timers.ts";
import { openTransaction } from "./transaction-methods.ts";

export interface MemoryStoreOptions {
  workspaceId: string;
  clock: { now(): number };
}

/**
 * For tests and simulation; forgets everything with the process. One transaction at a time: a method of the store
 * called inside `work` (instead of one of `tx`) waits for ever.
 */
export function createMemoryStore({ workspaceId, clock }: MemoryStoreOptions): Store {
  const state = new State();
  let last: Promise<unknown> = Promise.resolve();

  /** Runs after everything asked for earlier; all it wrote is taken back when it fails. */
  const alone = <Result>(work: (scope: Scope) => Result | Promise<Result>): Promise<Result> => {
    const result = last.then(async () => {
      try {
        return await work({ state, now: clock.now() });
      } catch (error) {
        state.undo.rollBack();
        throw error;
      } finally {
        state.undo.clear();
      }
    });
    last = result.catch(() => undefined);
    return result;
  };

  return {
    workspaceId,
    transaction: (work, options = {}) => alone((scope) => runWork(scope, work, options)),
    fireTimers: ({ limit }) => alone((scope) => timers.fireTimers(scope, limit)),
    claimEffects: (request) => alone((scope) => leases.claimEffects(scope, request)),
    claimExpiredEffects: (request) => alone((scope) => leases.claimExpiredEffects(scope, request)),
    startEffect: (lease) => alone((scope) => leases.startEffect(scope, lease)),
    renewLeases: (request) => alone((scope) => leases.renewLeases(scope, request)),
    settleEffect: (lease, outcome) => alone((scope) => leases.settleEffect(scope, lease, outcome)),
    nextEffectInMs: () => alone(effects.nextEffectInMs),
    beatNode: (request) => alone((scope) => nodes.beatNode(scope, request)),
    removeNode: (nodeId) => alone(() => void state.nodes.delete(nodeId)),
    getActor: (address) => alone((scope) => actors.getActor(scope, address)),
    listActors: (query) => alone((scope) => actors.listActors(scope, query)),
    listJournal: (query) => alone((scope) => reports.listJournal(scope, query)),
    listEffects: (query) => alone((scope) => effects.listEffects(scope, query)),
    listAttempts: (key) => alone((scope) => leases.listAttempts(scope, key)),
    listTimers: (address) => alone((scope) => timers.listTimers(scope, address)),
    listWakes: (query) => alone((scope) => listWakes(scope, query)),
    listDeadLetters: ({ limit }) => alone((scope) => reports.listDeadLetters(scope, limit)),
    listEscalations: (query) => alone((scope) => listEscalations(scope, query)),
    listAudit: (query) => alone((scope) => listAudit(scope, query)),
    counts: () => alone(reports.counts),
    close: () => Promise.resolve(),
  };
}

async function runWork<Result>(
  scope: Scope,
  work: (tx: Transaction) => Promise<Result>,
  { lease, readOnly: isReadOnly = false }: { lease?: Lease; readOnly?: boolean },
): Promise<Result> {
  const { tx, failure } = openTransaction(scope);
  const result = await work(isReadOnly ? readOnly(tx) : tx);
  const failed = failure();
  if (failed !== null) throw failed;
  if (lease !== undefined) leases.requireHeld(scope.state, lease);
  return result;
}
