import type { Lease, Store, Transaction } from "../../runtime/store.ts";
import { readOnly } from "../read-only.ts";
import * as actors from "./actors.ts";
import * as audit from "./audit.ts";
import * as effects from "./effects.ts";
import * as leases from "./leases.ts";
import * as deadLetters from "./dead-letters.ts";
import * as nodes from "./nodes.ts";
import { listEscalations, listWakes } from "./records.ts";
import * as reports from "./reports.ts";
import { State, type Scope } from "./state.ts";
import * as timers from "./timers.ts";
import { openTransaction } from "./transaction-methods.ts";

export interface MemoryStoreOptions {
  workspaceId: string;
  clock: { now(): number };
  /** The rows, for whoever wants to look at them. Default: none yet. */
  state?: State;
}

/**
 * For tests and simulation; forgets everything with the process. One transaction at a time: a method of the store
 * called inside `work` (instead of one of `tx`) waits for ever.
 */
export function createMemoryStore({ workspaceId, clock, state = new State() }: MemoryStoreOptions): Store {
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
    releaseEffect: (lease) => alone((scope) => leases.releaseEffect(scope, lease)),
    settleEffect: (lease, outcome) => alone((scope) => leases.settleEffect(scope, lease, outcome)),
    nextEffectInMs: () => alone(effects.nextEffectInMs),
    beatNode: (request) => alone((scope) => nodes.beatNode(scope, request)),
    removeNode: (node) => alone((scope) => nodes.removeNode(scope, node)),
    listNodes: () => alone(nodes.listNodes),
    getActor: (address) => alone((scope) => actors.getActor(scope, address)),
    listActors: (query) => alone((scope) => actors.listActors(scope, query)),
    listJournal: (query) => alone((scope) => reports.listJournal(scope, query)),
    journalHorizon: () => alone(reports.journalHorizon),
    listEffects: (query) => alone((scope) => effects.listEffects(scope, query)),
    getEffect: (key) => alone((scope) => effects.getEffect(scope, key)),
    listAttempts: (key) => alone((scope) => leases.listAttempts(scope, key)),
    listTimers: (address) => alone((scope) => timers.listTimers(scope, address)),
    listWakes: (query) => alone((scope) => listWakes(scope, query)),
    listDeadLetters: (query) => alone((scope) => deadLetters.listDeadLetters(scope, query)),
    getDeadLetter: (id) => alone((scope) => deadLetters.getDeadLetter(scope, id)),
    listQuarantined: (query) => alone((scope) => actors.listQuarantined(scope, query)),
    listEscalations: (query) => alone((scope) => listEscalations(scope, query)),
    listAudit: (query) => alone((scope) => audit.listAudit(scope, query)),
    getAudit: (auditId) => alone((scope) => audit.getAudit(scope, auditId)),
    sealAudit: ({ limit }) => alone((scope) => audit.sealAudit(scope, workspaceId, limit)),
    getAuditHead: () => alone((scope) => audit.getAuditHead(scope, workspaceId)),
    listAuditLinks: (query) => alone((scope) => audit.listAuditLinks(scope, query)),
    listStrayAudit: () => alone(audit.listStrayAudit),
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
