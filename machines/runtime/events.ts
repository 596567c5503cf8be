import type { Timed } from "../mail.ts";
import type { Authority } from "../roles.ts";
import type {
  Answer,
  Injection,
  LaunchPlan,
  Management,
  Observation,
  RuntimeFacts,
  TerminalBackend,
} from "./contract.ts";
import type { TerminalAddressRecord } from "./ports.ts";

export interface RuntimePolicy {
  /** A runtime without heartbeat or observation for this long is stale. */
  staleAfterMs: number;
  /** A stale runtime is dead after this long. */
  expireAfterMs: number;
  /** A dead runtime that nobody launches again is taken off the books after this long. */
  forgetAfterMs: number;
  /** This many deaths within the window are a crash loop. */
  crashLoopDeaths: number;
  crashLoopWindowMs: number;
}

export const defaultRuntimePolicy: RuntimePolicy = {
  staleAfterMs: 120_000,
  expireAfterMs: 600_000,
  forgetAfterMs: 86_400_000,
  crashLoopDeaths: 3,
  crashLoopWindowMs: 600_000,
};

/** How the actor begins. `adopt`: a pane that exists. `attach`: nothing is started or typed; an unmanaged program told us about itself. */
export type RuntimeOrigin =
  | { type: "launch"; backend: TerminalBackend; plan: LaunchPlan }
  | { type: "adopt"; server: string; target: string }
  | { type: "attach"; pid: number | null };

export interface RuntimeInput {
  runtimeId: string;
  agentId: string;
  host: string;
  management: Management;
  origin: RuntimeOrigin;
  sessionId: string | null;
  /** Epoch ms of deaths of the agent's earlier runtimes: an agent that keeps dying is in a crash loop, whatever its terminals are called. */
  deaths?: readonly number[];
  policy: RuntimePolicy;
  /** Epoch ms of the creation. */
  now: number;
}

export interface RuntimeContext extends Omit<RuntimeInput, "now" | "origin" | "deaths"> {
  origin: RuntimeOrigin;
  backend: TerminalBackend | null;
  injection: Injection;
  address: TerminalAddressRecord | null;
  observation: Observation;
  /** The latest answer of an operator to a dialog here, or null. */
  answer: Answer | null;
  /** What was published last; null before the first report. */
  reported: RuntimeFacts | null;
  lastSeenAt: number;
  /** Epoch ms of recent deaths, newest last, bounded. */
  deaths: number[];
  detail: string | null;
}

export type RuntimeEvent =
  /** `forced`: an operator's override of a crash loop. */
  | { type: "launch.requested"; plan: LaunchPlan; forced?: boolean }
  | { type: "terminal.observed"; observation: Observation }
  | { type: "heartbeat.received"; sessionId: string | null }
  | ({ type: "injection.paused" } & Authority)
  | ({ type: "injection.resumed" } & Authority)
  | ({ type: "management.changed"; management: Management } & Authority)
  /** Look for the terminal again, by its identity: asked for by a person, or because the agent's definition is new. */
  | { type: "reconciliation.requested" }
  /** Press the key of this option, if the terminal still shows exactly what has this fingerprint. */
  | ({ type: "answer.requested"; fingerprint: string; option: string } & Authority)
  | { type: "host.lost" }
  | ({ type: "stop.requested" } & Authority);

export type TimedRuntimeEvent = Timed<RuntimeEvent>;
