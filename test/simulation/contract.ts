import type { Caller } from "../../api/operations/caller.ts";
import type { OperationResult } from "../../api/operations/run-operation.ts";
import type { ScriptedWorld } from "../../adapters/terminals/scripted/terminal.ts";
import type { State } from "../../persistence/memory/state.ts";
import type { Ids } from "../../runtime/clock.ts";
import type { ErrorCode } from "../../runtime/errors.ts";
import type { Node } from "../../runtime/node.ts";
import type { AnyPortImplementation } from "../../runtime/ports.ts";
import type { MachineEntry, Registry } from "../../runtime/registry.ts";
import type { Store, TurnCommit } from "../../runtime/store.ts";
import type { Terminal, TerminalAddress } from "../../runtime/terminal.ts";
import type { Acting, AttemptActing, RequestActing } from "./acting.ts";
import type { AgentProgram } from "./agent-program.ts";
import type { Choices } from "./choices.ts";
import type { FaultKind, NodeSpec, Profile } from "./profile.ts";
import type { Owner, Scheduler } from "./scheduler.ts";
import type { Changes } from "./state-changes.ts";
import type { SimTokens } from "./tokens.ts";

/** What the parts of a simulation know of each other. */

export interface SimProcess extends Owner {
  readonly spec: NodeSpec;
  /** Its clock against the truth. */
  clockOffsetMs: number;
  /** Since when it drains; null before. */
  drainingSinceStep: number | null;
  wasStruckWhileDraining: boolean;
  /** Leases it ever had, as effect and token. */
  readonly heldLeases: readonly string[];
  readonly node: Node;
  vanish(): void;
  act<Result>(what: { kind: ActKind; label: string; perform: () => Promise<Result> }): Promise<Result>;
  /** One call of a client: token, then operation. Throws what the operation throws, or `ConnectionLost`. */
  serve(token: string, name: string, input: unknown): Promise<OperationResult>;
}

/** `read`, `write` and `transaction` reach the store, `terminal` the terminals of the host. */
export type ActKind = "read" | "write" | "transaction" | "terminal" | "local";

export interface StoreCall {
  process: SimProcess;
  method: string;
  args: readonly unknown[];
  who: Acting | null;
}

/** One call of the store that changed rows: one commit. */
export interface Commit extends StoreCall {
  at: number;
  step: number;
  /** The turns it was asked to write. */
  turns: readonly TurnCommit[];
  changes: Changes;
  /** What the caller hears instead of success; then nothing may have changed. */
  error: unknown;
}

/** Bytes on their way into a terminal: `issued` when the code decides, `written` when they arrive. */
export interface Typing {
  process: SimProcess;
  attempt: AttemptActing | null;
  address: TerminalAddress;
  key: "paste" | "enter" | "answer";
}

export interface Answer {
  readOnly: boolean;
  result?: OperationResult;
  error?: unknown;
}

/** What a patient client learns of its call. `unknown`: it gave up before it knew. */
export type Outcome =
  | { type: "done"; result: OperationResult }
  | { type: "refused"; code: ErrorCode }
  | { type: "unknown" };

/** A post as its author was told of it. */
export interface Post {
  threadId: string;
  author: string;
  body: string;
  seq: number;
}

/** Checks of one kind. Each looks at what happens and calls `world.violated` with the invariant's number. */
export interface CheckFamily {
  /** After each commit, however small. */
  onCommit?(commit: Commit): void;
  /** When bytes are decided upon, and when they arrive. */
  onTyping?(typing: Typing, when: "issued" | "written"): void;
  onVerified?(caller: Caller, requestId: string): void;
  onAnswer?(request: RequestActing, answer: Answer): void;
  /** After the faults have ended and everything had its time. */
  atRest?(): void;
}

/** All families at once, and what clients and nodes tell besides. */
export interface Witness extends Required<CheckFamily> {
  /** `seqs`: every answer the client got for the same key. */
  onAcknowledged(post: Post, seqs: readonly number[]): void;
  onReusedKey(outcome: Outcome): void;
  onRead(input: { thread_id: string; after_seq: number }, outcome: Outcome): void;
  onDrained(process: SimProcess): void;
  noteReader(jti: string): void;
  /** The token that operators revoke. */
  readerToken(): string;
}

export interface Host {
  scripted: ScriptedWorld;
  terminal: Terminal;
  /** Ids of all places that ever were. */
  places: Set<string>;
}

export interface SimWorld {
  readonly choices: Choices;
  readonly profile: Profile;
  readonly planted: Plant;
  readonly scheduler: Scheduler;
  readonly state: State;
  readonly store: Store;
  readonly observer: { run(call: StoreCall): Promise<unknown> };
  readonly checks: Witness;
  readonly tokens: SimTokens;
  readonly registry: Registry;
  readonly agents: { tokenOf(agentId: string): string };
  readonly ids: Ids;
  /** What people, agents and clients are owned by: they outlive every process. */
  readonly people: Owner;
  readonly hosts: ReadonlyMap<string, Host>;
  database: "up" | "away" | "readOnly";
  ringsAreLost: boolean;
  /** No faults and no new input: what is under way comes to its end. */
  readonly isCalm: boolean;
  /** What a planted bug remembers. */
  readonly memory: Map<string, unknown>;
  /** Step at which anybody but us last touched a terminal, by host and place. */
  readonly touches: ReadonlyMap<string, number>;
  /** Effects for which a byte was on its way into a terminal. */
  readonly typedEffects: Set<string>;
  /** Terminals whose program was replaced by somebody else's. */
  readonly replaced: Set<string>;
  startNode(spec: NodeSpec): SimProcess;
  living(): SimProcess[];
  crash(process: SimProcess): void;
  hasEnded(name: string, host: string): boolean;
  retire(process: SimProcess): void;
  ring(from: SimProcess): void;
  call(stream: string, token: string, name: string, input: object): Promise<OperationResult>;
  sleep(ms: number): Promise<void>;
  go(story: () => Promise<void>): void;
  hostOf(name: string): Host;
  programIn(host: string, placeId: string): AgentProgram | null;
  repaint(host: string, placeId: string): void;
  touched(host: string, placeId: string): void;
  nextRequestId(): string;
  requestBegan(requestId: string): number;
  count(fault: FaultKind): void;
  note(who: Owner, what: string): void;
  violated(invariant: number, text: string): void;
  onError(process: SimProcess, context: string, error: unknown): void;
}

/** How a bug is put in: by wrapping what the real parts are given. */
export interface Plant {
  store?: (store: Store, world: SimWorld) => Store;
  terminal?: (terminal: Terminal, world: SimWorld, host: string) => Terminal;
  port?: (port: AnyPortImplementation, world: SimWorld) => AnyPortImplementation;
  caller?: (caller: Caller, operation: string) => Caller;
  machines?: readonly MachineEntry[];
  /** Replaces the end of a node that was told to drain. */
  drain?: (process: SimProcess, world: SimWorld) => Promise<void>;
}
