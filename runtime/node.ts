import type { Address } from "../machines/mail.ts";
import { systemIds, type Clock } from "./clock.ts";
import { Performer } from "./effects.ts";
import type { Engine } from "./engine.ts";
import { RouseError } from "./errors.ts";
import { Loop, type NextTick } from "./loop.ts";
import { Membership } from "./membership.ts";
import { Patience } from "./patience.ts";
import type { AnyPortImplementation, Chore } from "./ports.ts";
import { reconcile } from "./reconcile.ts";
import type { Registry } from "./registry.ts";
import type { Doorbell, NodeHolder, NodeProcess, Store, StoredActor, Work } from "./store.ts";
import { createEngine } from "./command.ts";
import { AuditSealer } from "./seal-audit.ts";
import { settleCharts } from "./settle-charts.ts";
import { SnapshotCache } from "./snapshot-cache.ts";
import { snapshotIn } from "./stored-snapshot.ts";
import { takeTurns, type ForeignCharts, type TurnOptions } from "./turn.ts";

/** One process's share of the work on one workspace: its loops, from start to drain. */

export interface NodeOptions {
  nodeId: string;
  host: string;
  /** Where others reach this node, for the record. */
  url: string;
  store: Store;
  doorbell: Doorbell;
  registry: Registry;
  /** What the node repeats beside its actors. */
  chores?: readonly Chore[];
  /** Built with the engine, because some ports create actors. */
  ports: (engine: Engine) => readonly AnyPortImplementation[];
  clock: Clock;
  onError: (context: string, error: unknown) => void;
  /** Tells this start of the node from others under its id. Default: random. */
  instance?: string;
  process?: NodeProcess;
  /** True when the process that holds our id is known to have ended. Default: never; its beat has to grow stale. */
  isGone?: (holder: NodeHolder) => boolean;
  /** Another process holds our id now; the node has taken no more work and is stopping. */
  onEvicted?: (error: Error) => void;
  timing?: Partial<NodeTiming>;
}

export interface NodeTiming {
  /** How long an idle loop waits when no doorbell rings. */
  pollMs: number;
  reconcileMs: number;
  leaseMs: number;
  beatMs: number;
  /** A node not heard of for this long counts as lost. */
  nodeLostMs: number;
  drainMs: number;
}

export const defaultTiming: NodeTiming = {
  pollMs: 1_000,
  reconcileMs: 5_000,
  leaseMs: 10_000,
  beatMs: 3_000,
  nodeLostMs: 20_000,
  drainMs: 5_000,
};

export interface Node {
  readonly engine: Engine;
  /** Takes hold of the node's id, as `start` does later by itself. Throws `node_id_taken`, and what the store throws. */
  join(): Promise<void>;
  /** Idempotent. Throws `transition_refused` after `stop`: make a new node then. */
  start(): void;
  /** Takes no new work, finishes or hands back what is in hand. Idempotent. */
  stop(): Promise<void>;
}

export function createNode(options: NodeOptions): Node {
  const { nodeId, host, store, doorbell, registry, clock } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const foreign: ForeignCharts = { wereMet: false };
  const patience = new Patience(clock);
  const turnOptions = {
    store,
    registry,
    doorbell,
    foreign,
    patience,
    onActorFailed: (error: unknown) => options.onError("turns", error),
    snapshots: new SnapshotCache(),
    onCancelled: (effects: Parameters<Performer["renew"]>[0]) => {
      performer.renew(effects).catch((error: unknown) => options.onError("renew", error));
    },
  };
  const engine = createEngine(turnOptions);
  const performer = new Performer({
    store,
    ports: options.ports(engine),
    nodeId,
    host,
    clock,
    leaseMs: timing.leaseMs,
    concurrency: 16,
    // What it finished may have stood in the way of another effect.
    onWritten: () => doorbell.ring(["mail", "effects"]),
    onError: (error) => options.onError("effect", error),
  });

  const loop = loopsOf(options);
  const membership = openMembership(options, timing, () => void stop());
  const sealer = new AuditSealer(store);
  const turns = loop("turns", () => applyMail(turnOptions, timing.pollMs), "mail");
  const others = [
    loop("timers", () => fireTimers(store, doorbell, timing.pollMs), "timers"),
    loop("effects", () => performEffects({ store, performer, membership }, timing.pollMs), "effects"),
    loop("reconciliation", () => heal(options, foreign, timing), null),
    loop("leases", () => keepLeases({ performer, membership }, timing.leaseMs), null),
    loop("heartbeat", () => beat(options, membership, timing), null),
    ...(options.chores ?? []).map(({ name, everyMs, run }) =>
      loop(name, async () => ({ againInMs: await run().then(() => everyMs) }), null),
    ),
    // Not by doorbell: a batch a second costs less than one for each message.
    loop("audit", () => sealer.tick(timing.pollMs), null),
  ];

  let stopping: Promise<void> | null = null;
  const stop = (): Promise<void> =>
    (stopping ??= drain({ options, membership, performer, patience, turns, others }, timing.drainMs));
  return {
    engine,
    join: () => membership.confirm(),
    start() {
      if (stopping !== null) throw stoppedForGood(nodeId);
      for (const each of [turns, ...others]) each.start();
    },
    stop,
  };
}

/** `work`: what the loop is rung for; null: it looks by the clock alone. */
function loopsOf({ clock, doorbell, onError }: NodeOptions) {
  return (name: string, tick: () => Promise<NextTick>, work: Work | null): Loop =>
    new Loop({
      name,
      tick,
      clock,
      onError: (error) => onError(name, error),
      ...(work === null ? {} : { doorbell, work }),
    });
}

interface NodeParts {
  options: NodeOptions;
  membership: Membership;
  performer: Performer;
  patience: Patience;
  turns: Loop;
  others: readonly Loop[];
}

async function drain(
  { options, membership, performer, patience, turns, others }: NodeParts,
  drainMs: number,
): Promise<void> {
  const heartbeatFailed = (error: unknown): void => options.onError("heartbeat", error);
  await membership.drain().catch(heartbeatFailed);
  await Promise.all(others.map((each) => each.stop()));
  // Turns go on while effects finish, so that their outcomes are applied.
  await performer.drain(membership.isEvicted ? 0 : drainMs);
  await turns.stop();
  await patience.settled();
  await membership.leave().catch(heartbeatFailed);
}

function stoppedForGood(nodeId: string): RouseError {
  return new RouseError("transition_refused", `node ${nodeId} was stopped`, {
    nextStep: "Make a new node with createNode.",
  });
}

function openMembership(options: NodeOptions, timing: NodeTiming, stop: () => void): Membership {
  const { nodeId, host, store, clock, registry } = options;
  const { instance = systemIds.next(), process = null, isGone = () => false } = options;
  return new Membership({
    store,
    clock,
    identity: { nodeId, instance, host, process, charts: registry.charts },
    url: () => options.url,
    nodeLostMs: timing.nodeLostMs,
    isGone,
    onEvicted(error) {
      options.onError("heartbeat", error);
      stop();
      options.onEvicted?.(error);
    },
  });
}

/** Several actors in one turn: mail comes in faster than turns are taken, so a moment's wait makes fewer, larger ones. */
const crowd = 8;
const crowdRestMs = 3;

async function applyMail(options: TurnOptions, pollMs: number): Promise<NextTick> {
  const { moved, isMoreWaiting } = await takeTurns(options);
  if (isMoreWaiting) return { againInMs: 0 };
  return { againInMs: pollMs, notBeforeMs: moved >= crowd ? crowdRestMs : 0 };
}

async function fireTimers(store: Store, doorbell: Doorbell, pollMs: number): Promise<NextTick> {
  const { fired, nextDueInMs } = await store.fireTimers({ limit: 256 });
  if (fired > 0) doorbell.ring(["mail"]);
  return { againInMs: fired > 0 ? 0 : clamp(nextDueInMs ?? pollMs, pollMs) };
}

async function performEffects(
  { store, performer, membership }: { store: Store; performer: Performer; membership: Membership },
  pollMs: number,
): Promise<NextTick> {
  await membership.confirm();
  if ((await performer.tick()) > 0) return { againInMs: 0 };
  return { againInMs: clamp((await store.nextEffectInMs()) ?? pollMs, pollMs) };
}

async function heal(
  { store, registry, doorbell }: NodeOptions,
  foreign: ForeignCharts,
  { reconcileMs, nodeLostMs }: NodeTiming,
): Promise<NextTick> {
  foreign.wereMet = false;
  const healed = await reconcile(store);
  const broughtBack = await settleCharts({ store, registry, nodeLostMs });
  if (healed + broughtBack > 0) doorbell.ring();
  return { againInMs: reconcileMs };
}

/** Renewal at a third of the lease leaves two more tries before anybody may take over. */
async function keepLeases(
  { performer, membership }: { performer: Performer; membership: Membership },
  leaseMs: number,
): Promise<NextTick> {
  await membership.confirm();
  await performer.renew();
  await performer.recover();
  return { againInMs: Math.floor(leaseMs / 3) };
}

async function beat(
  { store, doorbell }: NodeOptions,
  membership: Membership,
  { beatMs, nodeLostMs }: NodeTiming,
): Promise<NextTick> {
  const { lost } = await membership.beat();
  for (const host of lost) {
    if (await reportLostHost(store, { host, lostAfterMs: nodeLostMs })) doorbell.ring(["mail"]);
  }
  return { againInMs: beatMs };
}

/**
 * Tells the managed runtimes of a host that fell silent; their participants then fall back elsewhere. Told and forgotten in
 * one transaction: whoever dies before its commit leaves the host to be told by another node.
 */
async function reportLostHost(store: Store, silent: { host: string; lostAfterMs: number }): Promise<boolean> {
  const event = { type: "host.lost" };
  const mail = (await listRuntimesOf(store, silent.host)).map((to) => ({ to, from: "engine", event }));
  return store.transaction(async (tx) => {
    const isForgotten = await tx.forgetHost(silent);
    if (isForgotten && mail.length > 0) await tx.send(mail);
    return isForgotten;
  });
}

async function listRuntimesOf(store: Store, host: string): Promise<Address[]> {
  const found: Address[] = [];
  let after: string | undefined;
  do {
    const query = { kind: "runtime", limit: 100, ...(after === undefined ? {} : { after }) };
    const { rows, next } = await store.listActors(query);
    const affected = rows.filter((actor) => actor.status !== "done" && isOn(host, actor));
    found.push(...affected.map(({ address }) => address));
    after = next ?? undefined;
  } while (after !== undefined);
  return found;
}

/** Who cannot be read is told, too: its turn then sets it aside. */
function isOn(host: string, actor: StoredActor): boolean {
  const context = snapshotIn(actor)?.["context"] as { host?: unknown } | undefined;
  return context === undefined || context.host === host;
}

/** At least a millisecond, so that a due time that just passed is not a busy loop; at most the poll interval. */
function clamp(ms: number, pollMs: number): number {
  return Math.min(pollMs, Math.max(1, ms));
}
