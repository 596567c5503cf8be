import type { z } from "zod";
import type { LaunchPlan } from "../../machines/runtime/contract.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { AgentPatterns } from "../terminals/patterns.ts";

/** A token that lasts for the session, or a file that always holds a good one. */
export type AgentCredential = { token: string } | { file: string };

/** Who the launched program will be, and where it finds us. */
export interface LaunchIdentity {
  workspaceId: string;
  agentId: string;
  runtimeId: string;
  /** Address of the MCP endpoint. */
  mcpUrl: string;
  credential: AgentCredential;
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
}

export interface AgentKind {
  /** For instance `generic`. */
  kind: string;
  definition: z.ZodType;
  /** Throws `invalid_input`. */
  read(definition: unknown): AgentProgram;
}

export function defineAgentKind<Definition>(spec: {
  kind: string;
  definition: z.ZodType<Definition>;
  program(definition: Definition): AgentProgram;
}): AgentKind {
  return {
    kind: spec.kind,
    definition: spec.definition,
    read(definition) {
      const parsed = spec.definition.safeParse(definition);
      if (parsed.success) return spec.program(parsed.data);
      const problems = parsed.error.issues.map(({ path, message }) => ({ path: path.join("."), message }));
      const [first] = problems;
      throw new RouseError(
        "invalid_input",
        `definition of kind ${spec.kind}: ${first?.path ?? ""} ${first?.message ?? ""}`.trim(),
        { details: { problems }, nextStep: "Correct the definition and register the agent again." },
      );
    },
  };
}
