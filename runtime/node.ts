import type { Clock } from "./clock.ts";
import { Performer } from "./effects.ts";
import type { Engine } from "./engine.ts";
import { Loop } from "./loop.ts";
import type { AnyPortImplementation } from "./ports.ts";
import { reconcile } from "./reconcile.ts";
import type { Registry } from "./registry.ts";
import type { Doorbell, Store } from "./store.ts";
import { createEngine, turn } from "./turn.ts";

/** One process's share of the work on one workspace: its loops, from start to drain. */

export interface NodeOptions {
  nodeId: string;
  host: string;
  /** Where others reach this node, for the record. */
  url: string;
  store: Store;
  doorbell: Doorbell;
  registry: Registry;
  /** Built with the engine, because some ports create actors. */
  ports: (engine: Engine) => readonly AnyPortImplementation[];
  clock: Clock;
  onError: (context: string, error: unknown) => void;
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
  /** Idempotent. */
  start(): void;
  /** Takes no new work, finishes or hands back what is in hand. Idempotent. */
  stop(): Promise<void>;
}

export function createNode(options: NodeOptions): Node {
  const { nodeId, host, store, doorbell, registry, clock } = options;
  const timing = { ...defaultTiming, ...options.timing };
  const turnOptions = {
    store,
    registry,
    doorbell,
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
    onWritten: () => doorbell.ring(),
    onError: (error) => options.onError("effect", error),
  });

  const loop = (name: string, tick: () => Promise<{ againInMs: number }>, rings = true): Loop =>
    new Loop({
      name,
      tick,
      clock,
      onError: (error) => options.onError(name, error),
      ...(rings ? { doorbell } : {}),
    });

  const lostHosts = new Set<string>();
  const turns = loop("turns", async () => ({ againInMs: (await turn(turnOptions)) > 0 ? 0 : timing.pollMs }));
  const others = [
    loop("timers", () => fireTimers(store, doorbell, timing.pollMs)),
    loop("effects", () => performEffects(store, performer, timing.pollMs)),
    loop("reconciliation", () => heal(store, doorbell, timing.reconcileMs), false),
    loop("leases", () => keepLeases(performer, timing.leaseMs), false),
    loop("heartbeat", () => beat(options, timing, lostHosts), false),
  ];

  return {
    engine,
    start: () => [turns, ...others].forEach((each) => each.start()),
    async stop() {
      await Promise.all(others.map((each) => each.stop()));
      // Turns go on while effects finish, so that their outcomes are applied.
      await performer.drain(timing.drainMs);
      await turns.stop();
      await store.removeNode(nodeId).catch((error: unknown) => options.onError("heartbeat", error));
    },
  };
}

async function fireTimers(store: Store, doorbell: Doorbell, pollMs: number): Promise<{ againInMs: number }> {
  const { fired, nextDueInMs } = await store.fireTimers({ limit: 256 });
  if (fired > 0) doorbell.ring();
  return { againInMs: fired > 0 ? 0 : clamp(nextDueInMs ?? pollMs, pollMs) };
}

async function performEffects(
  store: Store,
  performer: Performer,
  pollMs: number,
): Promise<{ againInMs: number }> {
  if ((await performer.tick()) > 0) return { againInMs: 0 };
  return { againInMs: clamp((await store.nextEffectInMs()) ?? pollMs, pollMs) };
}

async function heal(store: Store, doorbell: Doorbell, reconcileMs: number): Promise<{ againInMs: number }> {
  if ((await reconcile(store)) > 0) doorbell.ring();
  return { againInMs: reconcileMs };
}

/** Renewal at a third of the lease leaves two more tries before anybody may take over. */
async function keepLeases(performer: Performer, leaseMs: number): Promise<{ againInMs: number }> {
  await performer.renew();
  await performer.recover();
  return { againInMs: Math.floor(leaseMs / 3) };
}

/** `lostHosts` keeps what the store told and will not tell again, until it was passed on. */
async function beat(
  { store, nodeId, host, url, doorbell }: NodeOptions,
  timing: NodeTiming,
  lostHosts: Set<string>,
): Promise<{ againInMs: number }> {
  const { lost } = await store.beatNode({ nodeId, host, url, lostAfterMs: timing.nodeLostMs });
  for (const lostHost of lost) lostHosts.add(lostHost);
  for (const lostHost of lostHosts) {
    await reportLostHost(store, lostHost);
    lostHosts.delete(lostHost);
    doorbell.ring();
  }
  return { againInMs: timing.beatMs };
}

/** Tells the managed runtimes of a host that fell silent; their participants then fall back elsewhere. */
async function reportLostHost(store: Store, host: string): Promise<void> {
  let after: string | undefined;
  do {
    const query = { kind: "runtime", limit: 100, ...(after === undefined ? {} : { after }) };
    const page = await store.listActors(query);
    const affected = page.rows.filter((actor) => actor.status === "active" && hostOf(actor.record) === host);
    const event = { type: "host.lost" };
    const mail = affected.map(({ address }) => ({ to: address, from: "engine", event }));
    if (mail.length > 0) await store.transaction((tx) => tx.send(mail));
    after = page.next ?? undefined;
  } while (after !== undefined);
}

function hostOf(record: string): unknown {
  return (JSON.parse(record) as { snapshot: { context?: { host?: unknown } } }).snapshot.context?.host;
}

/** At least a millisecond, so that a due time that just passed is not a busy loop; at most the poll interval. */
function clamp(ms: number, pollMs: number): number {
  return Math.min(pollMs, Math.max(1, ms));
}
