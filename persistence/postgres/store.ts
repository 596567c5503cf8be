import type { ClaimedEffect, Store, Transaction, TransactionOptions } from "../../runtime/store.ts";
import { readOnly } from "../read-only.ts";
import * as actors from "./actors.ts";
import { getAudit, listAudit } from "./audit.ts";
import * as auditChain from "./audit-chain.ts";
import { EarlyClaim } from "./claim.ts";
import { GroupCommit, type Share } from "./group-commit.ts";
import { shareTransaction, type SharedTransaction } from "./shared-transaction.ts";
import type { Database, Sql } from "./connect.ts";
import { counts } from "./counts.ts";
import { getDeadLetter, listDeadLetters } from "./dead-letters.ts";
import * as effects from "./effects.ts";
import { listEscalations } from "./escalations.ts";
import { inFlight } from "./flight.ts";
import { listJournal } from "./journal.ts";
import { JournalHorizonWatch } from "./journal-horizon.ts";
import * as leases from "./leases.ts";
import * as nodes from "./nodes.ts";
import { listQuarantined } from "./quarantine.ts";
import { asRouseError } from "./refusal.ts";
import { databaseNow, databaseTime, type Row, type Scope } from "./scope.ts";
import * as timers from "./timers.ts";
import { openTransaction } from "./transaction-methods.ts";
import { listWakes } from "./wakes.ts";

export interface PostgresStoreOptions {
  database: Database;
  workspaceId: string;
  /** Its time instead of the database's, for virtual time. */
  clock?: { now(): number };
}

type Together = <Result>(
  work: (scope: Scope, opened: Row | undefined) => Promise<Result>,
  how?: Parameters<Database["transaction"]>[1],
) => Promise<Result>;

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
  const together: Together = async (work, how = { plansByIndex: true }) => {
    try {
      return await database.transaction((sql, opened) => work(scopeOf(sql), opened), how);
    } catch (error) {
      throw asRouseError(error);
    }
  };
  const horizon = new JournalHorizonWatch(database.sql, workspaceId);

  return {
    workspaceId,
    transaction: transactions(together, scopeOf),
    fireTimers: ({ limit }) => together((scope) => fireTimers(scope, limit), polls),
    claimEffects: (request) =>
      untilNobodyElseTakesIt(() =>
        database.transaction((sql) => leases.claimEffects(scopeOf(sql), request), polls),
      ),
    claimExpiredEffects: (request) => together((scope) => leases.claimExpiredEffects(scope, request)),
    startEffect: (lease) => alone((scope) => leases.startEffect(scope, lease)),
    renewLeases: (request) => alone((scope) => leases.renewLeases(scope, request)),
    releaseEffect: (lease) => alone((scope) => leases.releaseEffect(scope, lease)),
    settleEffect: (lease, outcome) => together((scope) => leases.settleEffect(scope, lease, outcome)),
    nextEffectInMs: () => alone(effects.nextEffectInMs),
    beatNode: (request) => alone((scope) => nodes.beatNode(scope, request)),
    removeNode: (node) => alone((scope) => nodes.removeNode(scope, node)),
    listNodes: () => alone(nodes.listNodes),
    getActor: (address) => alone((scope) => actors.getActor(scope, address)),
    listActors: (query) => alone((scope) => actors.listActors(scope, query)),
    listJournal: (query) => alone((scope) => listJournal(scope, query)),
    journalHorizon: () => alone(() => horizon.look()),
    listEffects: (query) => alone((scope) => effects.listEffects(scope, query)),
    getEffect: (key) => alone((scope) => effects.getEffect(scope, key)),
    listAttempts: (key) => alone((scope) => leases.listAttempts(scope, key)),
    listTimers: (address) => alone((scope) => timers.listTimers(scope, address)),
    listWakes: (query) => alone((scope) => listWakes(scope, query)),
    listDeadLetters: (query) => alone((scope) => listDeadLetters(scope, query)),
    getDeadLetter: (id) => alone((scope) => getDeadLetter(scope, id)),
    listQuarantined: (query) => alone((scope) => listQuarantined(scope, query)),
    listEscalations: (query) => alone((scope) => listEscalations(scope, query)),
    ...auditMethods(alone, together),
    counts: () => alone(counts),
    close: () => Promise.resolve(),
  };
}

/** Several calls at once in one, where they may. */
function transactions(together: Together, scopeOf: (sql: Sql) => Scope): Store["transaction"] {
  const groups = new Map<string, GroupCommit>();
  const share: Share = (work) => together((scope, opened) => runShared(at(scope, opened), work), shared);
  const groupOf = (name: string): GroupCommit => {
    const group = groups.get(name) ?? new GroupCommit(share);
    groups.set(name, group);
    return group;
  };
  return (work, options = {}) => {
    const alone = () => {
      const early = new EarlyClaim(options.firstClaim);
      const how = howFor(options, (sql) => early.send(scopeOf(sql)));
      return together((scope, opened) => runWork(at(scope, opened), work, { ...options, early }), how);
    };
    return options.group === undefined ? alone() : groupOf(options.group).transaction(work, alone);
  };
}

const readNow = `select (${databaseTime})::bigint as now`;
/** A read-only transaction sees one state of the database throughout. */
const oneState = "set transaction isolation level repeatable read";

/** Whoever is in the way of one holds up all: after this long each waits by itself. */
const shared = { settings: { lock_timeout: "100" }, opensWith: [readNow], plansByIndex: true };

function howFor({ readOnly: isReadOnly = false }: TransactionOptions, behindBegin: (sql: Sql) => void) {
  return { opensWith: isReadOnly ? [oneState, readNow] : [readNow], plansByIndex: !isReadOnly, behindBegin };
}

/** Unless the time is given, it is what was read with BEGIN. */
function at(scope: Scope, opened: Row | undefined): Scope & { now: number } {
  return { ...scope, now: typeof scope.now === "number" ? scope.now : Number(opened?.["now"]) };
}

/** One statement does all of it: whole also by itself, so it need not wait for the answer to BEGIN. */
const polls = { startsByReading: true, plansByIndex: true };

async function fireTimers(scope: Scope, limit: number): ReturnType<Store["fireTimers"]> {
  const [fired, nextDueInMs] = await inFlight([timers.fireTimers(scope, limit), timers.nextTimerInMs(scope)]);
  return { fired, nextDueInMs };
}

async function untilNobodyElseTakesIt(claim: () => Promise<ClaimedEffect[]>): Promise<ClaimedEffect[]> {
  for (let round = 1; ; round += 1) {
    try {
      return await claim();
    } catch (error) {
      if (!leases.isExclusiveKeyTaken(error)) throw asRouseError(error);
      if (round === claimRounds) return [];
    }
  }
}

type Run = <Result>(work: (scope: Scope) => Promise<Result>) => Promise<Result>;

type AuditMethods = Pick<
  Store,
  "listAudit" | "getAudit" | "sealAudit" | "getAuditHead" | "listAuditLinks" | "listStrayAudit"
>;

function auditMethods(alone: Run, together: Run): AuditMethods {
  return {
    listAudit: (query) => alone((scope) => listAudit(scope, query)),
    getAudit: (auditId) => alone((scope) => getAudit(scope, auditId)),
    async sealAudit(request) {
      const isDue = request.sweep === true || (await alone(auditChain.isAuditWaiting));
      return isDue ? together((scope) => auditChain.sealAudit(scope, request)) : 0;
    },
    getAuditHead: () => alone(auditChain.getAuditHead),
    listAuditLinks: (query) => alone((scope) => auditChain.listAuditLinks(scope, query)),
    listStrayAudit: (query) => alone((scope) => auditChain.listStrayAudit(scope, query)),
  };
}

async function runShared(
  scope: Scope & { now: number },
  work: (shared: SharedTransaction) => Promise<void>,
): Promise<void> {
  const { tx, failure } = openTransaction(scope, new EarlyClaim(undefined));
  await work(shareTransaction(scope, tx));
  const failed = failure();
  if (failed !== null) throw failed;
}

async function runWork<Result>(
  scope: Scope & { now: number },
  work: (tx: Transaction) => Promise<Result>,
  { lease, readOnly: isReadOnly = false, early }: TransactionOptions & { early: EarlyClaim },
): Promise<Result> {
  const { tx, failure } = openTransaction(scope, early);
  const result = await work(isReadOnly ? readOnly(tx) : tx);
  const failed = failure();
  if (failed !== null) throw failed;
  if (lease !== undefined) await leases.requireLease(scope, lease);
  return result;
}
