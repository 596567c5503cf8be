import { expect } from "vitest";

import type { Address } from "../../../machines/mail.ts";
import { isRouseError, type ErrorCode } from "../../../runtime/errors.ts";
import type {
  ActorEvent,
  ClaimedEffect,
  EffectRequest,
  JournalEntry,
  Mail,
  NodeBeat,
  Store,
  Transaction,
  TurnCommit,
} from "../../../runtime/store.ts";

/** Opens a store of a workspace; stores of one workspace share its rows. */
export type OpenStore = (options: { workspaceId: string; clock: VirtualClock }) => Store;

export class VirtualClock {
  time = 1_700_000_000_000;

  now(): number {
    return this.time;
  }

  advance(ms: number): void {
    this.time += ms;
  }
}

export interface Subject {
  store: Store;
  clock: VirtualClock;
  /** A store of another workspace beside it. */
  neighbour: Store;
}

let workspaces = 0;

export function newSubject(open: OpenStore): Subject {
  workspaces += 1;
  const clock = new VirtualClock();
  const store = open({ workspaceId: `ws-${workspaces}`, clock });
  return { store, clock, neighbour: open({ workspaceId: `ws-${workspaces}-neighbour`, clock }) };
}

export type TurnChanges = Partial<Omit<TurnCommit, "actor">> & { actor?: Partial<TurnCommit["actor"]> };

/** The first turn of an actor, which creates it. */
export function creation(address: Address, changes: TurnChanges = {}): TurnCommit {
  return turnOf(address, { expectedVersion: null, ...changes, actor: { version: 1, ...changes.actor } });
}

export function turnOf(address: Address, { actor, ...changes }: TurnChanges = {}): TurnCommit {
  return {
    actor: {
      address,
      kind: address.slice(0, address.indexOf("/")),
      subject: "",
      version: 2,
      status: "active",
      machineVersion: "1",
      machineHash: "hash",
      record: '{"snapshot":{}}',
      ...actor,
    },
    expectedVersion: 1,
    consumed: [],
    outgoing: [],
    published: [],
    timersArmed: [],
    timersCancelled: [],
    effectsRequested: [],
    effectsCancelled: [],
    records: [],
    journal: [],
    deadLetters: [],
    subscriptions: [],
    ...changes,
  };
}

export function journalEntry(seq: number, changes: Partial<JournalEntry> = {}): JournalEntry {
  return {
    seq,
    from: "test",
    event: { type: "happened" },
    cause: null,
    transitions: ["a.happened"],
    states: ["b"],
    dropped: null,
    records: [],
    ...changes,
  };
}

export function effectRequest(incarnation: number, changes: Partial<EffectRequest> = {}): EffectRequest {
  return {
    invokeId: "work",
    incarnation,
    port: "doWork",
    input: { incarnation },
    host: null,
    exclusiveKey: null,
    correlation: null,
    ...changes,
  };
}

export function commit(store: Store, ...commits: TurnCommit[]): Promise<void> {
  return store.transaction((tx) => tx.commitTurns(commits));
}

export function send(store: Store, to: Address, event: ActorEvent, from = "test"): Promise<void> {
  return store.transaction((tx) => tx.send([{ to, from, event }]));
}

export async function mailOf(store: Store, address: Address): Promise<Mail[]> {
  const claim = await store.transaction((tx) => tx.claimActor(address));
  return claim?.mail ?? [];
}

export async function eventsOf(store: Store, address: Address): Promise<ActorEvent[]> {
  return (await mailOf(store, address)).map(({ event }) => event);
}

export function claimWork(store: Store, changes: Partial<Parameters<Store["claimEffects"]>[0]> = {}) {
  return store.claimEffects({
    nodeId: "node-1",
    host: "host-1",
    ports: ["doWork"],
    limit: 10,
    leaseMs: 1_000,
    ...changes,
  });
}

export async function claimOne(store: Store): Promise<ClaimedEffect> {
  const [effect, ...others] = await claimWork(store);
  if (effect === undefined || others.length > 0) throw new Error("expected exactly one effect");
  return effect;
}

/** Lost after a second. */
export function nodeBeat(changes: Partial<NodeBeat>): NodeBeat & { lostAfterMs: number } {
  const place = { host: "host-1", url: "http://127.0.0.1:1", process: null };
  const node = { nodeId: "node-1", instance: "one", charts: [], draining: false };
  return { ...node, ...place, ...changes, lostAfterMs: 1_000 };
}

export async function expectRefusal(work: Promise<unknown>, code: ErrorCode): Promise<void> {
  const error = await work.then(
    () => "no refusal",
    (reason: unknown) => (isRouseError(reason) ? reason.code : reason),
  );
  expect(error).toBe(code);
}

export async function newThread(tx: Transaction, threadId: string, agents: readonly string[]): Promise<void> {
  await tx.insertThread({
    threadId,
    title: `About ${threadId}`,
    type: "review",
    createdBy: "ann",
    status: "active",
    statusReason: "",
    statusBy: "ann",
  });
  for (const agentId of agents) await tx.insertMember({ threadId, agentId });
}

export function post(
  tx: Transaction,
  threadId: string,
  author: string,
  {
    to = null,
    body = "hello",
    wantsReply = false,
  }: { to?: string[] | null; body?: string; wantsReply?: boolean } = {},
) {
  const inReplyTo = null;
  return tx.appendMessage({
    threadId,
    author,
    authorRole: "participant",
    kind: "message",
    body,
    to,
    inReplyTo,
    wantsReply,
  });
}
