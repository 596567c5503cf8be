import type { ActKind, SimProcess, SimWorld } from "./contract.ts";
import { createWorldPorts } from "../../adapters/ports/create.ts";
import { sweepTerminals } from "../../adapters/ports/sweep-terminals.ts";
import { agentKinds, readAgentProgram } from "../../adapters/agents/registry.ts";
import { pausedBy } from "../../api/operations/injection-switch.ts";
import { getOperation } from "../../api/operations/list.ts";
import type { Workspace } from "../../api/operations/operation.ts";
import { runOperation, type OperationResult } from "../../api/operations/run-operation.ts";
import type { Clock } from "../../runtime/clock.ts";
import { RouseError } from "../../runtime/errors.ts";
import { createNode, type Node } from "../../runtime/node.ts";
import type { AnyPortImplementation } from "../../runtime/ports.ts";
import type { Doorbell, Store } from "../../runtime/store.ts";
import { acting, type Acting, type AttemptActing } from "./acting.ts";
import { strike } from "./faults.ts";
import { policies, quietWindowMs, timing, type NodeSpec } from "./profile.ts";
import { watchedTerminal } from "./watched-terminal.ts";

/** A client whose server vanished does not know what came of its call. */
export class ConnectionLost extends Error {}

/** One process of a node: real loops and operations, whose every step outside is an entry of the scheduler. */
export class SimulatedProcess implements SimProcess {
  readonly name: string;
  readonly spec: NodeSpec;
  alive = true;
  stalledUntil = 0;
  /** Its clock against the truth. */
  clockOffsetMs = 0;
  /** Since when it drains; null before. */
  drainingSinceStep: number | null = null;
  wasStruckWhileDraining = false;
  /** Leases it ever had, as effect and token. */
  readonly heldLeases: string[] = [];
  readonly clock: Clock;
  readonly store: Store;
  readonly node: Node;
  readonly workspace: Workspace;
  readonly #world: SimWorld;
  readonly #requests = new Set<(reason: Error) => void>();
  readonly #listeners = new Set<() => void>();

  constructor(world: SimWorld, spec: NodeSpec, name: string) {
    this.#world = world;
    this.spec = spec;
    this.name = name;
    this.clock = {
      now: () => world.scheduler.now + this.clockOffsetMs,
      after: (ms, callback) => world.scheduler.schedule(this, ms, "", callback),
    };
    this.store = this.#watchedStore();
    const doorbell = this.#doorbell();
    const watched = watchedTerminal(world, this, world.hostOf(spec.host).terminal);
    const terminal = world.planted.terminal?.(watched, world, spec.host) ?? watched;
    this.node = createNode({
      nodeId: spec.nodeId,
      host: spec.host,
      instance: name,
      // Its successor on the same host sees that the process has ended.
      isGone: ({ instance }) => world.hasEnded(instance, spec.host),
      onEvicted: () => world.retire(this),
      url: "http://127.0.0.1:1",
      store: this.store,
      doorbell,
      registry: world.registry,
      clock: this.clock,
      timing,
      onError: (context, error) => world.onError(this, context, error),
      chores: [sweepTerminals({ terminals: { scripted: terminal }, store: this.store })],
      ports: (engine) =>
        createWorldPorts({
          host: spec.host,
          terminals: { scripted: terminal },
          launchBackend: "scripted",
          kinds: agentKinds,
          agentFolders: "/nowhere",
          credentials: { tokenFor: (owner) => this.#tokenFor(owner) },
          isPaused: (wake) => this.#isPaused(wake),
          mcpUrl: "http://127.0.0.1:1/mcp",
          stdioServer: { command: "rouse", args: ["mcp"], env: {} },
          baseEnv: {},
          clock: this.clock,
          engine,
          runtimePolicy: policies.runtime,
          quietWindowMs,
          wakesPerMinute: { agent: 30, thread: 60 },
        }).map((port) => this.#attributed(world.planted.port?.(port, world) ?? port)),
    });
    this.workspace = {
      engine: this.node.engine,
      tokens: world.tokens.authorityOf(this.store, this.clock),
      policies,
      backend: "scripted",
      host: spec.host,
      ids: world.ids,
      clock: this.clock,
      checkDefinition: (kind, definition) => void readAgentProgram(agentKinds, kind, definition),
    };
  }

  start(): void {
    this.node.start();
  }

  /** One call of a client: token, then operation. Throws what the operation throws, or `ConnectionLost`. */
  serve(token: string, name: string, input: unknown): Promise<OperationResult> {
    const operation = getOperation(name);
    if (operation === null) throw new Error(`no operation ${name}`);
    const requestId = this.#world.nextRequestId();
    const handle = async (): Promise<OperationResult> => {
      const verified = await this.workspace.tokens.verify(token);
      this.#world.checks.onVerified(verified, requestId);
      const caller = this.#world.planted.caller?.(verified, name) ?? verified;
      return runOperation({ operation, caller, input, workspace: this.workspace, requestId });
    };
    const { agentId } = this.#world.tokens.ownerOf(token);
    const request = { type: "request", requestId, operation: name, agentId, wasStruck: false } as const;
    return new Promise((resolve, reject) => {
      this.#requests.add(reject);
      const done = acting.run({ ...request }, () => this.#answered(operation.readOnly, handle));
      done.then(resolve, reject).finally(() => this.#requests.delete(reject));
    });
  }

  async #answered(readOnly: boolean, handle: () => Promise<OperationResult>): Promise<OperationResult> {
    const request = acting.getStore();
    if (request?.type !== "request") throw new Error("not a request");
    try {
      const result = await handle();
      this.#world.checks.onAnswer(request, { readOnly, result });
      return result;
    } catch (error) {
      this.#world.checks.onAnswer(request, { readOnly, error });
      throw error;
    }
  }

  /** Its memory is lost, and whoever waits for it hears so. */
  vanish(): void {
    this.#world.scheduler.kill(this);
    this.#listeners.clear();
    for (const reject of this.#requests) reject(new ConnectionLost(`${this.name} has vanished`));
    this.#requests.clear();
  }

  /** What waits for its doorbell looks. */
  hear(): void {
    for (const listener of this.#listeners) listener();
  }

  /** Something outside of this process's memory: the seed decides when it happens, and whether a fault strikes. */
  act<Result>(what: { kind: ActKind; label: string; perform: () => Promise<Result> }): Promise<Result> {
    const { scheduler, choices } = this.#world;
    const who = acting.getStore();
    return new Promise((resolve, reject) => {
      const delayMs = choices.chance("latency", 0.1) ? choices.between("latency", 1, 400) : 0;
      scheduler.schedule(this, delayMs, what.label, () => {
        const struck = strike(this.#world, this, what.kind);
        if (struck !== null) this.#noteStruck(who);
        const outcome = struck === null ? what.perform() : struck(what.perform);
        const answer = (settle: () => void): void => {
          const isSlow = struck === null && choices.chance("latency", 0.1);
          if (isSlow) scheduler.schedule(this, choices.between("latency", 0, 300), "", settle);
          else if (this.alive) settle();
        };
        outcome.then(
          (result) => answer(() => resolve(result)),
          (error: unknown) => {
            this.#world.note(this, `  ${describe(error)}`);
            answer(() => reject(error));
          },
        );
      });
    });
  }

  #noteStruck(who: Acting | undefined): void {
    if (who?.type === "request") who.wasStruck = true;
    if (this.drainingSinceStep !== null) this.wasStruckWhileDraining = true;
  }

  #watchedStore(): Store {
    const world = this.#world;
    const store = world.store;
    return new Proxy(store, {
      get: (target, name): unknown => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        const method = String(name);
        return (...args: unknown[]) => {
          const who = acting.getStore() ?? null;
          noteRead(who, method, args, world.scheduler.steps);
          const label = labelOf(method, args, who);
          const perform = () => world.observer.run({ process: this, method, args, who });
          return this.act({ kind: kindOf(method, args), label, perform });
        };
      },
    });
  }

  #doorbell(): Doorbell {
    return {
      ring: () => this.#world.ring(this),
      onRing: (listener) => {
        const own = (): void => listener();
        this.#listeners.add(own);
        return () => void this.#listeners.delete(own);
      },
      close: () => Promise.resolve(),
    };
  }

  /** So that the checks know which attempt types, looks and asks. */
  #attributed(implementation: AnyPortImplementation): AnyPortImplementation {
    return {
      ...implementation,
      perform: (call) => {
        const attempt: AttemptActing = {
          type: "attempt",
          port: implementation.port.name,
          effect: call.key,
          lease: call.lease,
          input: call.input as Readonly<Record<string, unknown>>,
          checkedAtStep: -1,
          firstLookAtStep: null,
          look: null,
          pastedAt: null,
          pastedAtStep: null,
        };
        return acting.run(attempt, () => implementation.perform(call));
      },
    };
  }

  async #tokenFor(owner: { agentId: string; sessionId: string | null; runtimeId: string }): Promise<string> {
    const { agentId, sessionId, runtimeId } = owner;
    const request = { agentId, role: "participant", sessionId: sessionId ?? runtimeId } as const;
    const perform = async (): Promise<string> => this.#world.tokens.issue(request);
    const token = await this.act({ kind: "local", label: `token for ${runtimeId}`, perform });
    // The launch looks next whether the folder exists: on the real disk.
    this.#world.scheduler.expectRealWork();
    return token;
  }

  #isPaused(wake: Parameters<typeof pausedBy>[1]): Promise<boolean> {
    return this.store.transaction(async (tx) => (await pausedBy(tx, wake)).length > 0, { readOnly: true });
  }
}

const reads = /^(?:get|list|count|next)/u;

function kindOf(method: string, args: readonly unknown[]): ActKind {
  if (method !== "transaction") return reads.test(method) ? "read" : "write";
  const options = args[1] as { readOnly?: boolean } | undefined;
  return options?.readOnly === true ? "read" : "transaction";
}

function noteRead(who: Acting | null, method: string, args: readonly unknown[], step: number): void {
  if (who?.type !== "attempt") return;
  if (who.look !== null) who.look.isLatest = false;
  if (method === "getActor" && args[0] === `runtime/${String(who.input["runtimeId"])}`)
    who.checkedAtStep = step;
}

function labelOf(method: string, args: readonly unknown[], who: Acting | null): string {
  const lease = args[0] as { address?: string; incarnation?: number } | undefined;
  const about = typeof args[0] === "string" ? args[0] : (lease?.address ?? "");
  const on =
    who === null
      ? ""
      : who.type === "request"
        ? ` (${who.agentId}: ${who.operation})`
        : ` (${who.port} ${who.effect})`;
  return `store.${method} ${about}${on}`;
}

function describe(error: unknown): string {
  return error instanceof RouseError ? `✗ ${error.code}: ${error.message}` : `✗ ${String(error)}`;
}
