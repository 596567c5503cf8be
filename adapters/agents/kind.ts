import type { z } from "zod";
import type { DeliverWakeOutput } from "../../machines/participant/ports.ts";
import type { Activity, DialogKind, LaunchPlan } from "../../machines/runtime/contract.ts";
import type { Clock } from "../../runtime/clock.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { AgentPatterns } from "../terminals/patterns.ts";
import type { HostCheck, HostedProgram, ServerCommand } from "./host.ts";

/** A token that lasts for the session, or a file that always holds a good one. */
export type AgentCredential = { token: string } | { file: string };

/** Who the launched program will be, and where it finds us. */
export interface LaunchIdentity {
  workspaceId: string;
  agentId: string;
  runtimeId: string;
  /** Address of the MCP endpoint. */
  mcpUrl: string;
  /** The same over standard input and output: it stays while our node is away, and finds the next one. Token from its environment. */
  stdioServer: ServerCommand;
  credential: AgentCredential;
  /** Private folder (0700) of this agent on this host; there once the kind has a `prepare`. */
  folder: string;
  /** Our own environment; only an allow-list of it reaches the program. */
  baseEnv: Readonly<Record<string, string | undefined>>;
}

export interface AgentLaunch {
  argv: [string, ...string[]];
  /** Absolute folder. */
  cwd: string;
  /** Complete: nothing else is inherited. */
  env: Record<string, string>;
  /** One line to type once the program is idle, or null. */
  typedPrompt: string | null;
}

/** A running program as channels and observers are told of it. */
export interface RunningProgram {
  runtimeId: string;
  agentId: string;
  /** Null until the program or a call told it. */
  sessionId: string | null;
  pid: number;
  cwd: string;
  /** Private folder (0700) of this agent on this host, where `prepare` wrote its files. */
  folder: string;
}

/** What a program's own source says; the screen is read beside it. */
export interface SourceReport {
  source: "stateFile" | "hook" | "appServer" | "events";
  activity: Activity;
  /** Set when activity is `dialog`. */
  dialog?: DialogKind;
  /** Epoch ms; set when activity is `limited` and the source tells the reset time. */
  limitedUntil?: number;
  sessionId?: string;
}

/** A way to wake a living program without its terminal. */
export interface WakeChannel {
  /** As in the evidence, for instance `codex-app-server`. */
  name: string;
  probe(
    program: RunningProgram,
    signal: AbortSignal,
  ): Promise<{ usable: true } | { usable: false; why: string }>;
  /** `beforeFirstByte` must be awaited right before anything leaves us: it throws when the wake is no longer wanted. */
  deliver(
    program: RunningProgram,
    wake: { wakeId: string; text: string },
    io: { beforeFirstByte: () => Promise<void>; signal: AbortSignal; clock: Clock },
  ): Promise<DeliverWakeOutput>;
}

/** An agent's definition, understood by its kind. */
export interface AgentProgram {
  patterns: AgentPatterns;
  /** Pause between paste and Enter. */
  enterDelayMs: number;
  canResume: boolean;
  /** Whether it reads its token from a file, anew whenever it changes: then it gets short-lived ones. */
  readsTokenFile: boolean;
  /** The session that a launch will have, or null when only the program will know. */
  sessionOf(plan: LaunchPlan, runtimeId: string): string | null;
  /** Throws `launch_failed` when the plan cannot be carried out. */
  launch(plan: LaunchPlan, identity: LaunchIdentity): AgentLaunch;
  /**
   * Writes into `folder` what the program needs before its first start: configuration, hooks, answers to first-run
   * dialogs. Idempotent; keeps what is not ours.
   */
  prepare?(identity: LaunchIdentity, folder: string): Promise<void>;
  /** Tells what the program itself says of its state until `signal` ends; resolves early when it has no such source. */
  observe?(program: RunningProgram, tell: (report: SourceReport) => void, signal: AbortSignal): Promise<void>;
  /** Epoch ms at which the program took `text` as a prompt, not before `since`, by its own records; null when they do not tell. */
  findPrompt?(program: RunningProgram, text: string, since: number): Promise<number | null>;
  /** Best first; the terminal comes after them. */
  channels?: readonly WakeChannel[];
  /** Whether a living process holds the session, by the program's own locks and state files; null when that cannot be told (then: held). */
  isSessionHeld?(sessionId: string, folder: string): Promise<boolean | null>;
  /** Version of the installed program, and whether our patterns were recorded with it. Unknown versions fail closed: activity `unknown`, no typing. */
  version?(signal: AbortSignal): Promise<{ text: string; known: boolean } | null>;
}

export interface AgentKind {
  /** For instance `generic`. */
  kind: string;
  definition: z.ZodType;
  /** Absent: nothing is known of the program but each agent's definition. */
  hosted?: HostedProgram;
  /** What must be right on a host, for a kind whose program only a definition names; null: none was given. Throws `invalid_input`. */
  checks?: (definition: unknown) => readonly HostCheck[];
  /** Throws `invalid_input`. */
  read(definition: unknown): AgentProgram;
}

export function defineAgentKind<Definition>(spec: {
  kind: string;
  definition: z.ZodType<Definition>;
  hosted?: HostedProgram;
  checks?: (definition: Definition | null) => readonly HostCheck[];
  program(definition: Definition): AgentProgram;
}): AgentKind {
  const parse = (definition: unknown): Definition => {
    const parsed = spec.definition.safeParse(definition);
    if (parsed.success) return parsed.data;
    const problems = parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
    const [first] = problems;
    throw new RouseError(
      "invalid_input",
      `definition of kind ${spec.kind}: ${first?.path ?? ""} ${first?.message ?? ""}`.trim(),
      { details: { problems }, nextStep: "Correct the definition and register the agent again." },
    );
  };
  const { checks } = spec;
  return {
    kind: spec.kind,
    definition: spec.definition,
    ...(spec.hosted === undefined ? {} : { hosted: spec.hosted }),
    ...(checks === undefined
      ? {}
      : { checks: (definition) => checks(definition === null ? null : parse(definition)) }),
    read: (definition) => spec.program(parse(definition)),
  };
}
