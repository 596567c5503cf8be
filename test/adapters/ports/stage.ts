import { addresses, type Address } from "../../../machines/mail.ts";
import { defaultRuntimePolicy, type RuntimeContext } from "../../../machines/runtime/events.ts";
import type { Clock } from "../../../runtime/clock.ts";
import type { Agent, Member, Message, Thread } from "../../../runtime/domain.ts";
import type { CreateRequest, Engine } from "../../../runtime/engine.ts";
import type { AnyPortImplementation, PortCall } from "../../../runtime/ports.ts";
import type { ActorEvent, Store, StoredActor, Transaction } from "../../../runtime/store.ts";
import type { Terminal, TerminalAddress } from "../../../runtime/terminal.ts";
import { generic } from "../../../adapters/agents/generic/kind.ts";
import type { AgentProgram } from "../../../adapters/agents/kind.ts";
import { agentKinds, type AgentKinds } from "../../../adapters/agents/registry.ts";
import { createWorldPorts } from "../../../adapters/ports/create.ts";
import type { WorldOptions } from "../../../adapters/ports/world.ts";
import { promptPatterns } from "../../../adapters/terminals/scripted/prompt-program.ts";
import { createScriptedTerminal, ScriptedWorld } from "../../../adapters/terminals/scripted/terminal.ts";

/** Virtual time that runs as fast as work allows: whenever nothing else is to be done, the next timer is due. */
export class EagerClock implements Clock {
  #now = 1_000_000;
  #pending: { dueAt: number; callback: () => void }[] = [];
  #isPumping = false;

  now(): number {
    return this.#now;
  }

  after(ms: number, callback: () => void): () => void {
    const entry = { dueAt: this.#now + ms, callback };
    this.#pending.push(entry);
    this.#pump();
    return () => {
      this.#pending = this.#pending.filter((candidate) => candidate !== entry);
    };
  }

  #pump(): void {
    if (this.#isPumping) return;
    this.#isPumping = true;
    setImmediate(() => {
      this.#isPumping = false;
      const next = this.#pending.toSorted((a, b) => a.dueAt - b.dueAt)[0];
      if (next === undefined) return;
      this.#pending = this.#pending.filter((candidate) => candidate !== next);
      this.#now = Math.max(this.#now, next.dueAt);
      next.callback();
      this.#pump();
    });
  }
}

export const definition = {
  command: ["agent"],
  cwd: "/",
  resume: { args: ["--resume", "{session}"] },
  patterns: { ...promptPatterns, prompt: "^› ?(.*)$" },
};

/** The generic kind with more abilities than it has. */
export function genericWith(abilities: Partial<AgentProgram>): AgentKinds {
  return { generic: { ...generic, read: (given) => ({ ...generic.read(given), ...abilities }) } };
}

export function eagerStage(changes: Partial<WorldOptions> = {}): Stage {
  return new Stage(new EagerClock(), changes);
}

/** A host with scripted terminals, and the few rows that the ports read. */
export class Stage<StageClock extends Clock = EagerClock> {
  readonly clock: StageClock;
  readonly scripted: ScriptedWorld;
  readonly terminal: Terminal;
  readonly agents = new Map<string, Agent>();
  readonly pausedThreads = new Set<string>();
  readonly actors = new Map<Address, StoredActor>();
  readonly created: CreateRequest[] = [];
  readonly reports: ActorEvent[] = [];
  readonly published: { topic: string; event: ActorEvent }[] = [];
  thread: Thread | null = null;
  messages: Message[] = [];
  members: Member[] = [];
  /** Once-only effects marked as started. */
  started = 0;
  readonly world: WorldOptions;
  readonly #ports: AnyPortImplementation[];

  constructor(clock: StageClock, changes: Partial<WorldOptions> = {}) {
    this.clock = clock;
    this.scripted = new ScriptedWorld(clock);
    this.terminal = createScriptedTerminal(this.scripted);
    this.world = {
      host: "here",
      terminals: { scripted: this.terminal },
      launchBackend: "scripted",
      kinds: agentKinds,
      agentFolders: "/nowhere",
      credentials: { tokenFor: async ({ agentId, runtimeId }) => `token-of-${agentId}-${runtimeId}` },
      isPaused: async ({ agentId, threadId }) =>
        this.agents.get(agentId)?.paused === true || this.pausedThreads.has(threadId ?? ""),
      mcpUrl: "http://127.0.0.1:1/mcp",
      stdioServer: { command: "rouse", args: ["mcp"], env: {} },
      baseEnv: { PATH: "/bin", DATABASE_URL: "postgres://secret" },
      clock,
      engine: this.#engine(),
      runtimePolicy: defaultRuntimePolicy,
      quietWindowMs: 20_000,
      wakesPerMinute: { agent: 30, thread: 60 },
      ...changes,
    };
    this.#ports = createWorldPorts(this.world);
    this.addAgent("reviewer");
  }

  addAgent(agentId: string, changes: Partial<Agent> = {}): void {
    const agent: Agent = {
      agentId,
      kind: "generic",
      definition,
      host: "here",
      session: null,
      lastHeartbeatAt: null,
      paused: false,
      ...changes,
    };
    this.agents.set(agentId, agent);
  }

  async launch(runtimeId: string): Promise<TerminalAddress> {
    return this.terminal.launch({ runtimeId, argv: ["agent"], cwd: "/", env: {} });
  }

  addRuntime(runtimeId: string, context: Partial<RuntimeContext> = {}): void {
    const reported = {
      runtimeId,
      agentId: "reviewer",
      host: "here",
      backend: "scripted",
      management: "managed",
      injection: "open",
      state: "idle",
      dialog: null,
      limitedUntil: null,
      sessionId: null,
      detail: null,
    };
    const whole = {
      runtimeId,
      agentId: "reviewer",
      host: "here",
      management: "managed",
      injection: "open",
      ...{ origin: { type: "launch", backend: "scripted", plan: startPlan }, sessionId: null, address: null },
      deaths: [],
      observation: { activity: "idle" },
      reported,
      ...context,
    };
    this.actors.set(addresses.runtime(runtimeId), {
      address: addresses.runtime(runtimeId),
      kind: "runtime",
      subject: "reviewer",
      version: 1,
      status: "active",
      machineVersion: "1",
      machineHash: "h",
      record: JSON.stringify({ snapshot: { context: whole } }),
      updatedAt: 0,
    });
  }

  perform(port: string, input: object, changes: Partial<PortCall<unknown>> = {}): Promise<unknown> {
    const implementation = this.#ports.find((candidate) => candidate.port.name === port);
    if (implementation === undefined) throw new Error(`no port ${port}`);
    const address: Address = "participant/th-1.reviewer";
    return implementation.perform({
      input,
      address,
      key: `${address}:1`,
      attempt: 1,
      lease: { address, incarnation: 1, token: 1 },
      signal: new AbortController().signal,
      markStarted: async () => void (this.started += 1),
      report: async (event) => void this.reports.push(event),
      transaction: (work) => work(this.#transaction()),
      getActor: async (wanted) => this.actors.get(wanted) ?? null,
      ...changes,
    });
  }

  /** What the scripted program shows as answered. */
  async answers(address: TerminalAddress): Promise<string[]> {
    const { lines } = await this.terminal.view(address);
    return lines.filter((line) => line.startsWith("> "));
  }

  #engine(): Engine {
    const store = {
      transaction: async <Result>(work: (tx: Transaction) => Promise<Result>) => work(this.#transaction()),
    };
    return {
      workspaceId: "w",
      store: store as Store,
      create: async (_tx, request) => {
        this.created.push(request);
        this.addRuntime(request.address.replace("runtime/", ""), { ...request.input });
      },
      command: () => Promise.reject(new Error("not used by ports")),
      ring: () => {},
      onRing: () => () => {},
    };
  }

  #transaction(): Transaction {
    const rows: Partial<Transaction> = {
      getAgent: async (agentId) => this.agents.get(agentId) ?? null,
      recordHeartbeat: async ({ agentId, session }) => {
        this.addAgent(agentId, { ...this.agents.get(agentId), session });
        return this.agents.get(agentId) as Agent;
      },
      publish: async ({ topic, event }) => void this.published.push({ topic, event }),
      getActor: async (address) => this.actors.get(address) ?? null,
      listActorsBySubject: async ({ subject }) =>
        [...this.actors.values()].filter((actor) => actor.subject === subject),
      getThread: async () => this.thread,
      listMembers: async () => this.members,
      listLatestMessages: async () => this.messages.toReversed(),
    };
    return rows as Transaction;
  }
}

export const startPlan = { purpose: "start", sessionId: null, prompt: null } as const;
