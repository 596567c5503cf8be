import { createScriptedTerminal, ScriptedWorld } from "../../adapters/terminals/scripted/terminal.ts";
import { registeredMachines } from "../../machines/registry.ts";
import { createMemoryStore } from "../../persistence/memory/store.ts";
import { State } from "../../persistence/memory/state.ts";
import type { OperationResult } from "../../api/operations/run-operation.ts";
import type { Ids } from "../../runtime/clock.ts";
import { isRouseError } from "../../runtime/errors.ts";
import { Registry } from "../../runtime/registry.ts";
import type { Store } from "../../runtime/store.ts";
import { AgentProgram } from "./agent-program.ts";
import { Agents } from "./agents.ts";
import { Checks } from "./invariants/checks.ts";
import type { Choices } from "./choices.ts";
import { Observer } from "./observer.ts";
import type { Host, Plant, SimProcess, SimWorld } from "./contract.ts";
import type { FaultKind, NodeSpec, Profile } from "./profile.ts";
import { Scheduler, type Owner } from "./scheduler.ts";
import { ConnectionLost, SimulatedProcess } from "./sim-process.ts";
import { SimTokens } from "./tokens.ts";
import type { Trace } from "./trace.ts";

/** Everything there is in one run: nodes on one store, hosts with terminals, tokens, and the checks. */

export interface Violation {
  invariant: number;
  text: string;
  step: number;
}

const registry = new Registry(registeredMachines);

export class World implements SimWorld {
  readonly choices: Choices;
  readonly profile: Profile;
  readonly planted: Plant;
  readonly trace: Trace;
  readonly scheduler: Scheduler;
  readonly state = new State();
  readonly store: Store;
  readonly observer: Observer;
  readonly checks: Checks;
  readonly tokens: SimTokens;
  readonly registry: Registry;
  readonly agents: Agents;
  readonly ids: Ids;
  /** What people, agents and clients are owned by: they outlive every process. */
  readonly people: Owner = { name: "world", alive: true, stalledUntil: 0 };
  readonly hosts = new Map<string, Host>();
  readonly processes: SimulatedProcess[] = [];
  readonly faultCounts: Partial<Record<FaultKind, number>> = {};
  database: "up" | "away" | "readOnly" = "up";
  ringsAreLost = false;
  /** No faults and no new input: what is under way comes to its end. */
  isCalm = true;
  violation: Violation | null = null;
  /** What a planted bug remembers. */
  readonly memory = new Map<string, unknown>();
  /** Clients, agents and people that have not finished yet. */
  busy = 0;
  #ids = 0;
  #requests = 0;
  readonly #beganAt = new Map<string, number>();
  /** Step at which anybody but us last touched a terminal, by host and place. */
  readonly touches = new Map<string, number>();
  /** Effects for which a byte was on its way into a terminal. */
  readonly typedEffects = new Set<string>();
  /** Terminals whose program was replaced by somebody else's. */
  readonly replaced = new Set<string>();
  readonly #ringing = new Set<SimProcess>();

  constructor(
    choices: Choices,
    profile: Profile,
    { planted = {}, trace }: { planted?: Plant; trace: Trace },
  ) {
    this.choices = choices;
    this.profile = profile;
    this.planted = planted;
    this.trace = trace;
    this.scheduler = new Scheduler(choices, trace);
    this.ids = { next: () => `id${String((this.#ids += 1)).padStart(18, "0")}` };
    const clock = { now: () => this.scheduler.now };
    const memory = createMemoryStore({ workspaceId: "w", clock, state: this.state });
    this.store = planted.store?.(memory, this) ?? memory;
    this.registry = planted.machines === undefined ? registry : new Registry(planted.machines);
    this.tokens = new SimTokens(this.ids, "w");
    this.observer = new Observer(this, this.store);
    this.checks = new Checks(this);
    this.agents = new Agents(this);
    for (const { host } of profile.nodes)
      if (!this.hosts.has(host)) this.hosts.set(host, this.#newHost(host));
  }

  startNode(spec: NodeSpec): SimulatedProcess {
    const starts = this.processes.filter((process) => process.spec.nodeId === spec.nodeId).length;
    const process = new SimulatedProcess(this, spec, `${spec.nodeId}#${starts + 1}`);
    this.processes.push(process);
    this.note(process, "starts");
    process.start();
    return process;
  }

  living(): SimulatedProcess[] {
    return this.processes.filter(({ alive }) => alive);
  }

  crash(process: SimProcess): void {
    if (!process.alive) return;
    this.note(process, "† vanishes");
    process.vanish();
    if (this.isCalm) return;
    // Sometimes as another node: a machine that was replaced.
    const isSame = !this.choices.chance("restart", 0.2);
    const spec = isSame ? process.spec : { ...process.spec, nodeId: `${process.spec.nodeId}x` };
    const afterMs = this.choices.between("restart", 100, this.choices.one("restart", [500, 3_000, 30_000]));
    this.scheduler.schedule(this.people, afterMs, "", () => this.ensureNode(spec));
  }

  hasEnded(name: string, host: string): boolean {
    return this.processes.some(
      (process) => process.name === name && process.spec.host === host && !process.alive,
    );
  }

  /** Told to stop, or evicted: long enough after it said that it is done that whatever it still did would show. */
  retire(process: SimProcess): void {
    this.scheduler.schedule(this.people, 3_000, "", () => {
      if (!process.alive) return;
      process.vanish();
      this.ensureNode(process.spec);
    });
  }

  /** Unless its host has one again already. */
  ensureNode(spec: NodeSpec): void {
    const sameKind = this.profile.nodes.filter(({ host }) => host === spec.host).length;
    const living = this.living().filter((process) => process.spec.host === spec.host);
    const isTaken = living.some((process) => process.spec.nodeId === spec.nodeId);
    if (living.length < sameKind && !isTaken) this.startNode(spec);
  }

  /** Rings carry no truth, come late, together, or not at all. */
  ring(from: SimProcess): void {
    for (const process of this.living()) {
      if (this.#ringing.has(process)) continue;
      const isLost = process !== from && this.ringsAreLost && !this.isCalm;
      if (isLost) continue;
      this.#ringing.add(process);
      const delayMs = process === from ? 0 : this.choices.between("latency", 0, 3);
      this.scheduler.schedule(process, delayMs, "", () => {
        this.#ringing.delete(process);
        process.hear();
      });
    }
  }

  /** Some process answers it. Throws what the operation throws, or `ConnectionLost`. */
  async call(stream: string, token: string, name: string, input: object): Promise<OperationResult> {
    const open = this.living().filter(({ drainingSinceStep }) => drainingSinceStep === null);
    if (open.length === 0) throw new ConnectionLost("no node answers");
    return this.choices.one(stream, open).serve(token, name, input);
  }

  sleep(ms: number): Promise<void> {
    return this.scheduler.sleep(this.people, ms);
  }

  /** A story that the run waits for. */
  go(story: () => Promise<void>): void {
    this.busy += 1;
    story().then(
      () => (this.busy -= 1),
      (error: unknown) => {
        this.busy -= 1;
        this.crashOfTheSimulation = error;
      },
    );
  }

  /** A defect of the simulation itself. */
  crashOfTheSimulation: unknown = null;

  hostOf(name: string): Host {
    const host = this.hosts.get(name);
    if (host === undefined) throw new Error(`no host ${name}`);
    return host;
  }

  /** The program in a place, while it lives. */
  programIn(host: string, placeId: string): AgentProgram | null {
    const place = this.hostOf(host).scripted.get(placeId);
    return place !== null && place.end === null && place.program instanceof AgentProgram
      ? place.program
      : null;
  }

  /** The program changed its screen by itself. */
  repaint(host: string, placeId: string): void {
    this.touched(host, placeId);
    const place = this.hostOf(host).scripted.get(placeId);
    if (place !== null) this.hostOf(host).scripted.foregroundBecomes(placeId, place.foreground);
  }

  nextRequestId(): string {
    const id = `req-${(this.#requests += 1)}`;
    this.#beganAt.set(id, this.scheduler.now);
    return id;
  }

  requestBegan(requestId: string): number {
    return this.#beganAt.get(requestId) ?? this.scheduler.now;
  }

  touched(host: string, placeId: string): void {
    this.touches.set(`${host} ${placeId}`, this.scheduler.steps);
  }

  count(fault: FaultKind): void {
    this.faultCounts[fault] = (this.faultCounts[fault] ?? 0) + 1;
  }

  note(who: Owner, what: string): void {
    this.trace.write(this.scheduler.now, who.name, what);
  }

  violated(invariant: number, text: string): void {
    if (this.violation !== null) return;
    this.violation = { invariant, text, step: this.scheduler.steps };
    this.note(this.people, `VIOLATED ${invariant}: ${text}`);
  }

  onError(process: SimProcess, context: string, error: unknown): void {
    // Every failure has a code; anything else is a defect, of the product or of this simulation.
    if (!isRouseError(error) || error.code === "internal") {
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      this.crashOfTheSimulation ??= new Error(`${process.name} ${context}: ${text}`);
    }
  }

  #newHost(name: string): Host {
    const clock = {
      now: () => this.scheduler.now,
      after: (ms: number, callback: () => void) => this.scheduler.schedule(this.people, ms, "", callback),
    };
    const places = new Set<string>();
    const scripted = new ScriptedWorld(clock, (request) => {
      places.add(request.runtimeId);
      return this.agents.startProgram(name, request);
    });
    return { scripted, terminal: createScriptedTerminal(scripted), places };
  }
}
