import type { Lease, Store, Transaction } from "../../runtime/store.ts";
import { readOnly } from "../read-only.ts";
import * as actors from "./actors.ts";
import { listAudit } from "./audit.ts";
import type { Database, Sql } from "./connect.ts";
import { counts } from "./counts.ts";
import { listDeadLetters } from "./dead-letters.ts";
import * as effects from "./effects.ts";
import { listEscalations } from "./escalations.ts";
import { inFlight } from "./flight.ts";
import { listJournal } from "./journal.ts";
import * as leases from "./leases.ts";
import * as nodes from "./nodes.ts";
import { asRouseError } from "./refusal.ts";
import { databaseNow, type Scope } from "./scope.ts";
import * as timers from "./timers.ts";
import { openTransaction } from "./transaction-methods.ts";
import { listWakes } from "./wakes.ts";

export interface PostgresStoreOptions {
  database: Database;
  workspaceId: string;
  /** Its time instead of the database's, for virtual time. */
  clock?: { now(): number };
}

/** Rounds of claiming anew after another node took an effect with the same exclusive key at the same moment. */
const claimRounds = 5;

/** `close` leaves the database open: it belongs to the caller. */
export function createPostgresStore({ database, workspaceId, clock }: PostgresStoreOptions): Store {
  const scopeOf = (sql: Sql): Scope => ({ sql, workspaceId, now: clock?.now() ?? databaseNow(sql) });
  /** One statement that commits by itself, or several that need no common transaction. */
  const alone = async <Result>(work: (scope: Scope) => Promise<Result>): Promise<Result> => {
    try {
      return await work(scopeOf(database.sql));
    } catch (error) {
      throw asRouseError(error);
    }
  };
  const together = async <Result>(work: (scope: Scope) => Promise<Result>): Promise<Result> => {
    try {
      return await database.transaction((sql) => work(scopeOf(sql)));
    } catch (error) {
      throw asRouseError(error);
    }
  };

  return {
    workspaceId,
    transaction: (work, options = {}) => together((scope) => runWork(scope, work, options)),
    async fireTimers({ limit }) {
      const fired = await alone((scope) => timers.fireTimers(scope, limit));
      return { fired, nextDueInMs: await alone(timers.nextTimerInMs) };
    },
    async claimEffects(request) {
      for (let round = 1; ; round += 1) {
        try {
          return await leases.claimEffects(scopeOf(database.sql), request);
        } catch (error) {
          if (!leases.isExclusiveKeyTaken(error)) throw asRouseError(error);
          if (round === claimRounds) return [];
        }
      }
    },
    claimExpiredEffects: (request) => alone((scope) => leases.claimExpiredEffects(scope, request)),
    startEffect: (lease) => alone((scope) => leases.startEffect(scope, lease)),
    renewLeases: (request) => alone((scope) => leases.renewLeases(scope, request)),
    settleEffect: (lease, outcome) => together((scope) => leases.settleEffect(scope, lease, outcome)),
    nextEffectInMs: () => alone(effects.nextEffectInMs),
    beatNode: (request) => alone((scope) => nodes.beatNode(scope, request)),
    removeNode: (nodeId) => alone((scope) => nodes.removeNode(scope, nodeId)),
    getActor: (address) => alone((scope) => actors.getActor(scope, address)),
    listActors: (query) => alone((scope) => actors.listActors(scope, query)),
    listJournal: (query) => alone((scope) => listJournal(scope, query)),
    listEffects: (query) => alone((scope) => effects.listEffects(scope, query)),
    listAttempts: (key) => alone((scope) => leases.listAttempts(scope, key)),
    listTimers: (address) => alone((scope) => timers.listTimers(scope, address)),
    listWakes: (query) => alone((scope) => listWakes(scope, query)),
    listDeadLetters: ({ limit }) => alone((scope) => listDeadLetters(scope, limit)),
    listEscalations: (query) => alone((scope) => listEscalations(scope, query)),
    listAudit: (query) => alone((scope) => listAudit(scope, query)),
    counts: () => alone(counts),
    close: () => Promise.resolve(),
  };
}

async function runWork<Result>(
  scope: Scope,
  work: (tx: Transaction) => Promise<Result>,
  { lease, readOnly: isReadOnly = false }: { lease?: Lease; readOnly?: boolean },
): Promise<Result> {
  const { tx, failure } = openTransaction({ ...scope, now: await beginAt(scope, isReadOnly) });
  const result = await work(isReadOnly ? readOnly(tx) : tx);
  const failed = failure();
  if (failed !== null) throw failed;
  if (lease !== undefined) await leases.requireLease(scope, lease);
  return result;
}

/** A read-only transaction sees one state of the database throughout. */
async function beginAt({ sql, now }: Scope, isReadOnly: boolean): Promise<number> {
  const [, [row]] = await inFlight([
    isReadOnly ? sql`set transaction isolation level repeatable read` : null,
    typeof now === "number" ? [] : sql`select ${now}::bigint as now`,
  ]);
  return typeof now === "number" ? now : Number(row?.["now"]);
}
