import fc from "fast-check";

import type { Address } from "../../../machines/mail.ts";
import { isRouseError } from "../../../runtime/errors.ts";
import { shardOf } from "../../../runtime/shard.ts";
import type {
  EffectOutcome,
  Lease,
  NodeBeat,
  Store,
  Transaction,
  TurnCommit,
} from "../../../runtime/store.ts";
import { dumpKept, keep, keepingCall } from "./keeping.ts";
import { claimWork, creation, effectRequest, journalEntry, newThread, post, turnOf } from "./subject.ts";

/** Random calls on a store, in terms of a few small names so that they meet each other. */

const addresses: Address[] = ["thread/a", "thread/b", "runtime/c"];
const error = { code: "terminal_failed", message: "m", retryable: true };

const address = fc.constantFrom(...addresses);
const agent = fc.constantFrom("ann", "bob", "cy");
const thread = fc.constantFrom("th-1", "th-2");
const small = fc.nat({ max: 4 });

const record = fc.oneof(
  fc.record({
    type: fc.constant("wake.opened" as const),
    params: fc.record({
      wakeId: fc.constantFrom("w-1", "w-2"),
      threadId: thread,
      agentId: agent,
      headSeq: small,
      at: small,
    }),
  }),
  fc.record({
    type: fc.constant("wake.acknowledged" as const),
    params: fc.record({
      wakeId: fc.constantFrom("w-1", "w-2"),
      by: fc.constantFrom("heartbeat" as const, "cursor" as const),
      at: small,
    }),
  }),
  fc.record({
    type: fc.constant("wake.closed" as const),
    params: fc.record({
      wakeId: fc.constantFrom("w-1", "w-2"),
      outcome: fc.constantFrom("read" as const, "withdrawn" as const),
      reason: fc.constant(null),
      at: small,
    }),
  }),
  fc.record({
    type: fc.constant("thread.statusChanged" as const),
    params: fc.record({
      threadId: thread,
      status: fc.constantFrom("active" as const, "closed" as const),
      by: agent,
      reason: fc.string({ maxLength: 3 }).filter((text) => !text.includes("\0")),
      at: small,
    }),
  }),
);

const plan = fc.record({
  status: fc.constantFrom("active" as const, "active" as const, "done" as const, "quarantined" as const),
  to: fc.array(address, { maxLength: 3 }),
  topics: fc.array(fc.constantFrom("news", "other"), { maxLength: 2 }),
  arm: fc.uniqueArray(fc.constantFrom("t", "u"), { maxLength: 2 }),
  delayMs: fc.nat({ max: 30 }),
  requests: fc.nat({ max: 2 }),
  key: fc.option(fc.constantFrom("k", "l")),
  host: fc.option(fc.constantFrom("host-1", "host-2")),
  cancel: fc.array(small, { maxLength: 2 }),
  records: fc.array(record, { maxLength: 3 }),
  subscriptions: fc.array(fc.constantFrom("news", "other"), { maxLength: 2 }),
  staleBy: fc.constantFrom(0, 0, 0, 0, 1),
});
type Plan = typeof plan extends fc.Arbitrary<infer Value> ? Value : never;

const call = fc.oneof(
  fc.record({ do: fc.constant("create" as const), address, plan }),
  fc.record({
    do: fc.constant("turns" as const),
    actors: fc.integer({ min: 1, max: 3 }),
    mail: fc.integer({ min: 1, max: 3 }),
    within: fc.option(fc.subarray([...addresses])),
    plan,
  }),
  fc.record({ do: fc.constant("send" as const), to: address, n: small }),
  fc.record({ do: fc.constant("fireTimers" as const), limit: fc.integer({ min: 1, max: 3 }) }),
  fc.record({
    do: fc.constant("claimEffects" as const),
    host: fc.constantFrom("host-1", "host-2"),
    limit: fc.integer({ min: 1, max: 3 }),
  }),
  fc.record({ do: fc.constant("claimExpired" as const), limit: fc.integer({ min: 1, max: 3 }) }),
  fc.record({ do: fc.constant("start" as const), lease: small }),
  fc.record({
    do: fc.constant("settle" as const),
    lease: small,
    status: fc.constantFrom("done" as const, "failed" as const, "retry" as const),
  }),
  fc.record({ do: fc.constant("release" as const), lease: small }),
  fc.record({
    do: fc.constant("decide" as const),
    letter: small,
    status: fc.constantFrom("requeued" as const, "discarded" as const),
  }),
  fc.record({ do: fc.constant("beat" as const), node: small, instance: fc.constantFrom("one", "two") }),
  fc.record({ do: fc.constant("forgetHost" as const), host: small }),
  fc.record({ do: fc.constant("renew" as const) }),
  fc.record({ do: fc.constant("newThread" as const), thread, agents: fc.uniqueArray(agent) }),
  fc.record({ do: fc.constant("join" as const), thread, agent }),
  fc.record({
    do: fc.constant("post" as const),
    thread,
    agent,
    to: fc.option(fc.array(agent, { maxLength: 2 })),
    fails: fc.boolean(),
  }),
  fc.record({ do: fc.constant("read" as const), thread, agent, seq: small }),
  fc.record({ do: fc.constant("heartbeat" as const), agent }),
  // More often: there are many kinds of it.
  ...Array.from({ length: 6 }, () => fc.record({ do: fc.constant("keep" as const), keep: keepingCall })),
);
type Call = typeof call extends fc.Arbitrary<infer Value> ? Value : never;
export type Step = { afterMs: number; call: Call };

/** Begins with actors and a thread to meet. */
export const steps: fc.Arbitrary<Step[]> = fc
  .tuple(
    plan,
    plan,
    fc.array(fc.record({ afterMs: fc.nat({ max: 20 }), call }), { minLength: 10, maxLength: 60 }),
  )
  .map(([one, two, random]) => [
    { afterMs: 0, call: { do: "create", address: "thread/a", plan: { ...one, status: "active" } } },
    { afterMs: 1, call: { do: "create", address: "runtime/c", plan: { ...two, status: "active" } } },
    { afterMs: 0, call: { do: "newThread", thread: "th-1", agents: ["ann", "bob"] } },
    ...random,
  ]);

/** A store and the leases that its caller remembers, the lost ones too. */
export class Session {
  readonly store: Store;
  readonly leases: Lease[] = [];
  incarnations = 0;

  constructor(store: Store) {
    this.store = store;
  }
}

/** The answer, or the code of the refusal; ids that a store chooses freely left out. */
export async function perform(session: Session, step: Step): Promise<unknown> {
  try {
    return withoutIds(await answer(session, step.call));
  } catch (reason) {
    return isRouseError(reason) ? reason.code : String(reason);
  }
}

/** All that can be read. */
export async function dump({ store }: Session): Promise<unknown> {
  const effects = await store.listEffects({ limit: 999 });
  const tables = {
    counts: await store.counts(),
    journal: await store.listJournal({ limit: 999 }),
    settled: await store.listJournal({ upTo: (await store.journalHorizon()).upTo, limit: 999 }),
    effects,
    attempts: await Promise.all(effects.map((effect) => store.listAttempts(effect))),
    timers: await Promise.all(addresses.map((each) => store.listTimers(each))),
    wakes: await store.listWakes({ limit: 99 }),
    deadLetters: await store.listDeadLetters({ limit: 99 }),
    quarantined: await store.listQuarantined({ limit: 9 }),
    nodes: await store.listNodes(),
    next: await store.nextEffectInMs(),
    effect: effects[0] === undefined ? null : await store.getEffect(effects[0]),
    letter: await store.getDeadLetter("999999"),
    kinds: await Promise.all(["thread", "runtime"].map((kind) => store.listActors({ kind, limit: 9 }))),
    escalations: await store.listEscalations({ limit: 99 }),
    audit: await store.listAudit({ limit: 99 }),
    auditHead: await store.getAuditHead(),
    auditLinks: await store.listAuditLinks({ afterSeq: 0, limit: 99 }),
    strayAudit: await store.listStrayAudit({ scan: 9 }),
    auditRow: await store.getAudit("999999"),
    kept: await dumpKept(store),
    actors: await Promise.all(addresses.map((each) => store.getActor(each))),
    mail: await store.transaction((tx) => Promise.all(addresses.map((each) => tx.claimActor(each)))),
    agents: await store.transaction((tx) => tx.listAgents({ limit: 9 })),
    threads: await store.transaction((tx) => tx.listThreads({ limit: 9 })),
    unread: await store.transaction((tx) => tx.listUnreadMembers({ limit: 99 })),
  };
  return withoutIds(tables);
}

async function answer(session: Session, call: Call): Promise<unknown> {
  const { store, leases } = session;
  switch (call.do) {
    case "create":
      return store.transaction((tx) => tx.commitTurns([create(session, call.address, call.plan)]));
    case "turns":
      return store.transaction(async (tx) => {
        const claims = await tx.claimReady({
          actors: call.actors,
          mailPerActor: call.mail,
          ...(call.within === null ? {} : { shards: call.within.map(shardOf) }),
        });
        await tx.commitTurns(claims.map((claim) => advance(session, claim, call.plan)));
        return claims;
      });
    case "send":
      return store.transaction((tx) =>
        tx.send([{ to: call.to, from: "test", event: { type: "n", n: call.n } }]),
      );
    case "fireTimers":
      return store.fireTimers({ limit: call.limit });
    case "claimEffects":
      return remember(leases, await claimWork(store, { host: call.host, limit: call.limit, leaseMs: 30 }));
    case "claimExpired":
      return remember(
        leases,
        await store.claimExpiredEffects({ nodeId: "n-2", limit: call.limit, leaseMs: 30 }),
      );
    case "start":
      return store.startEffect(leaseAt(leases, call.lease));
    case "settle":
      return store.settleEffect(leaseAt(leases, call.lease), outcomeOf(call.status));
    case "release":
      return store.releaseEffect(leaseAt(leases, call.lease));
    case "decide":
      return decide(store, call);
    case "beat":
      return store.beatNode({ ...beatOf(call), lostAfterMs: 30 });
    case "forgetHost":
      return store.transaction((tx) => tx.forgetHost({ host: `host-${call.host}`, lostAfterMs: 30 }));
    case "keep":
      return keep(store, call.keep, (back) => leaseAt(leases, back));
    case "renew":
      return store.renewLeases({ leases, leaseMs: 40 });
    default:
      return store.transaction((tx) => talk(tx, call));
  }
}

async function decide(
  store: Store,
  { letter, status }: { letter: number; status: "requeued" | "discarded" },
): Promise<unknown> {
  const { rows } = await store.listDeadLetters({ limit: 9 });
  const deadLetterId = rows[letter]?.deadLetterId ?? "999999";
  return store.transaction((tx) => tx.decideDeadLetter({ deadLetterId, status, by: "ann", reason: "r" }));
}

function beatOf({ node, instance }: { node: number; instance: string }): NodeBeat {
  const place = { host: `host-${node % 3}`, url: "u", process: null };
  return { nodeId: `node-${node}`, instance, ...place, charts: [], draining: false };
}

async function talk(tx: Transaction, call: Call): Promise<unknown> {
  switch (call.do) {
    case "newThread":
      return newThread(tx, call.thread, call.agents);
    case "join":
      return tx.insertMember({ threadId: call.thread, agentId: call.agent });
    case "post": {
      const posted = await post(tx, call.thread, call.agent, { to: call.to, wantsReply: call.to !== null });
      if (call.fails) throw new Error("planted");
      return posted;
    }
    case "read": {
      const key = { threadId: call.thread, agentId: call.agent };
      const cursor = await tx.advanceCursor({ ...key, seq: call.seq });
      return {
        cursor,
        unread: await tx.countUnread(key),
        members: await tx.listMembers(call.thread),
        some: await tx.getMembers({ threadId: call.thread, agentIds: ["cy", call.agent, "nobody"] }),
      };
    }
    case "heartbeat":
      return tx.recordHeartbeat({ agentId: call.agent, session: null });
    default:
      return null;
  }
}

function create(session: Session, to: Address, own: Plan): TurnCommit {
  const { staleBy: _, cancel: __, ...fresh } = own;
  const changes = changesOf(session, to, { ...fresh, staleBy: 0, cancel: [] });
  return creation(to, { ...changes, subscriptions: own.subscriptions, journal: [journalEntry(1)] });
}

function advance(
  session: Session,
  { actor, mail }: Awaited<ReturnType<Transaction["claimReady"]>>[number],
  own: Plan,
): TurnCommit {
  const version = actor.version + mail.length;
  const journal = mail.map(({ event, cause, from }, index) =>
    journalEntry(actor.version + index + 1, { event, cause, from }),
  );
  return turnOf(actor.address, {
    ...changesOf(session, actor.address, own),
    consumed: mail,
    expectedVersion: actor.version - own.staleBy,
    actor: { version, status: own.status },
    journal,
  });
}

function changesOf(session: Session, from: Address, own: Plan): Partial<Omit<TurnCommit, "actor">> {
  const event = { type: "told" };
  const requests = Array.from({ length: own.requests }, () => {
    session.incarnations += 1;
    const exclusive = { exclusiveKey: own.key, host: own.host, correlation: "w-1" };
    return effectRequest(session.incarnations, exclusive);
  });
  return {
    outgoing: own.to.map((to) => ({ to, from, event })),
    published: own.topics.map((topic) => ({ topic, from, event })),
    timersArmed: own.arm.map((id) => ({ id, incarnation: own.delayMs, delayMs: own.delayMs, event })),
    timersCancelled: own.arm.length === 0 ? ["t"] : [],
    effectsRequested: requests,
    effectsCancelled: own.cancel.map((back) => ({ incarnation: session.incarnations - back })),
    records: own.records,
  };
}

function remember<Claimed extends { lease: Lease }>(leases: Lease[], claimed: Claimed[]): Claimed[] {
  leases.push(...claimed.map(({ lease }) => lease));
  return claimed;
}

function leaseAt(leases: readonly Lease[], back: number): Lease {
  return leases.at(-1 - back) ?? { address: "thread/a", incarnation: 999, token: 1 };
}

function outcomeOf(status: "done" | "failed" | "retry"): EffectOutcome {
  if (status === "done") return { status, output: { bytes: 1 } };
  return status === "failed" ? { status, error } : { status, error, delayMs: 15 };
}

/** Stores number mail and journal rows as they like. */
function withoutIds(value: unknown): unknown {
  const text = JSON.stringify(value ?? null, (key, inner: unknown) =>
    key === "journalId" || key === "deadLetterId" || isOfAudit(key) || isMailId(key, inner) ? null : inner,
  );
  return JSON.parse(text);
}

/** Hashes cover the ids. */
function isOfAudit(key: string): boolean {
  return key === "auditId" || key === "hash" || key === "previousHash";
}

function isMailId(key: string, inner: unknown): boolean {
  return key === "id" && typeof inner === "string" && /^\d+$/u.test(inner);
}
