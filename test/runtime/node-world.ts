import { callerOf, createWorld, type World } from "../api/world.ts";
import { runOperation } from "../../api/operations/run-operation.ts";
import { getOperation } from "../../api/operations/list.ts";
import { deliverWake, resumeSession, spawnSession } from "../../machines/participant/ports.ts";
import { registeredMachines } from "../../machines/registry.ts";
import type { Role } from "../../machines/roles.ts";
import { adoptTerminal, launchTerminal, stopTerminal, watchTerminal } from "../../machines/runtime/ports.ts";
import { createMemoryDoorbell } from "../../persistence/memory/doorbell.ts";
import type { Engine } from "../../runtime/engine.ts";
import type { RouseError } from "../../runtime/errors.ts";
import type { ActorRecord } from "../../runtime/kernel.ts";
import { createNode, type Node, type NodeOptions } from "../../runtime/node.ts";
import { implementPort, type AnyPortImplementation, type PortCall } from "../../runtime/ports.ts";
import { Registry } from "../../runtime/registry.ts";
import type { Store } from "../../runtime/store.ts";
import { ManualClock } from "../manual-clock.ts";
import { WatchedStore } from "./watched-store.ts";

/** Nodes with the real charts and operations, scripted terminals, and virtual time. */

export interface Delivery {
  node: string;
  agentId: string;
  wakeId: string;
}

const stepMs = 50;

export class NodeWorld {
  readonly clock: ManualClock;
  readonly watched: WatchedStore;
  readonly deliveries: Delivery[] = [];
  readonly errors: { context: string; error: unknown }[] = [];
  /** What a delivery waits for before its first byte. */
  beforeTyping: (call: PortCall<unknown>) => Promise<void> = () => Promise.resolve();
  /** What it waits for after its last. */
  afterTyping: () => Promise<void> = () => Promise.resolve();
  readonly #world: World;
  readonly #doorbell = createMemoryDoorbell();
  readonly #nodes: Node[] = [];

  constructor(clock: ManualClock, watched: WatchedStore, world: World) {
    this.clock = clock;
    this.watched = watched;
    this.#world = world;
  }

  static async open(open: (clock: ManualClock) => Promise<Store>): Promise<NodeWorld> {
    const clock = new ManualClock();
    const watched = new WatchedStore(await open(clock));
    return new NodeWorld(clock, watched, await createWorld(clock, watched.store));
  }

  get store(): Store {
    return this.watched.store;
  }

  startNode(nodeId: string, host = "here", more: Partial<NodeOptions> = {}): Node {
    const node = createNode({
      ...more,
      nodeId,
      host,
      url: "http://127.0.0.1:1",
      store: this.store,
      doorbell: this.#doorbell,
      registry: new Registry(registeredMachines),
      ports: () => this.#ports(nodeId),
      clock: this.clock,
      onError: (context, error) => this.errors.push({ context, error }),
    });
    this.#nodes.push(node);
    node.start();
    return node;
  }

  /** All nodes at once. */
  async stop(): Promise<void> {
    this.watched.away = false;
    const stopped = Promise.all(this.#nodes.map((node) => node.stop()));
    await this.pass(20_000);
    await stopped;
  }

  /** Runs an operation and rings, as the server does. */
  call(name: string, agentId: string, input: unknown, role: Role = "participant"): Promise<unknown> {
    const workspace = { ...this.#world.workspace, engine: this.#engine() };
    const operation = getOperation(name)!;
    const caller = callerOf(this.#world, agentId, role);
    return runOperation({ operation, caller, input, workspace, requestId: "request-1" });
  }

  /** A thread in which the executioner waits for these agents, each in an idle terminal. */
  async openThread(threadId: string, agents: readonly string[]): Promise<void> {
    for (const agent of agents) {
      const pane = { mode: "adopt", server: "/tmp/s", target: "%1", runtime_id: `rt-${agent}` };
      await this.call("register_runtime", "ada", { agent_id: agent, ...pane }, "operator");
    }
    await this.pass(1_000);
    await this.call("create_thread", "executioner", {
      thread_id: threadId,
      title: "t",
      participants: agents,
    });
    await this.pass(1_000);
  }

  post(threadId: string): Promise<unknown> {
    return this.call("post_message", "executioner", { thread_id: threadId, body: "review please" });
  }

  /** Time passes, and whatever the nodes began comes to its end. */
  async pass(ms: number): Promise<void> {
    await this.watched.quiet();
    for (let left = ms; left > 0; left -= stepMs) {
      await this.clock.advance(Math.min(stepMs, left));
      await this.watched.quiet();
    }
  }

  async attention(threadId: string, agentId: string): Promise<unknown> {
    const actor = await this.store.getActor(`participant/${threadId}.${agentId}`);
    const { snapshot } = JSON.parse(actor!.record) as ActorRecord;
    return (snapshot["value"] as { attention: unknown }).attention;
  }

  /** Types of the events that reached an actor. */
  async journal(address: `${string}/${string}`): Promise<string[]> {
    const entries = await this.store.listJournal({ address, limit: 1_000 });
    return entries.map(({ event }) => event.type);
  }

  #engine(): Engine {
    return this.#nodes[0]!.engine;
  }

  #ports(node: string): AnyPortImplementation[] {
    const terminal = { backend: "tmux", server: "/tmp/s", target: "%1", pid: 7, pidStartedAt: "9" } as const;
    const started = () => Promise.resolve({ address: terminal, sessionId: null });
    const refused = () => Promise.resolve({ verdict: "refused", reason: "launchFailed" } as const);
    return [
      implementPort(launchTerminal, started),
      implementPort(adoptTerminal, started),
      implementPort(watchTerminal, async ({ report, signal }) => {
        await report({ type: "terminal.observed", observation: { activity: "idle" } });
        return new Promise((_, reject) => {
          signal.addEventListener("abort", () => reject(signal.reason as RouseError));
        });
      }),
      implementPort(stopTerminal, () => Promise.resolve({})),
      implementPort(resumeSession, refused),
      implementPort(spawnSession, refused),
      implementPort(deliverWake, async (call) => {
        await this.beforeTyping(call);
        await call.markStarted();
        const { wakeId, agentId } = call.input;
        this.deliveries.push({ node, wakeId, agentId });
        await this.afterTyping();
        const at = this.clock.now();
        const times = { firstByteAt: at, submittedAt: at, turnStartedAt: null };
        return { verdict: "delivered", evidence: { channel: "terminal", bytes: 40, ...times } } as const;
      }),
    ];
  }
}
