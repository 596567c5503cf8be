import type { AgentPackageName } from "../packages.ts";

/** What a program needs to be an agent of a stage. */
export interface Casting {
  agentId: string;
  /** Path of the installed program. */
  program: string;
  /** The project's folder that it works in. */
  cwd: string;
  /** Its own home, so that nobody's configuration is touched. */
  home: string;
  modelUrl: string;
  mcpUrl: string;
  /** Whether it asks a person before it runs commands, and before it trusts the folder. */
  asks: { permission: boolean; trust: boolean };
}

/** An agent program as it is registered and played with. */
export interface PlayedKind {
  name: AgentPackageName;
  /** Writes its configuration, and says how it is registered. */
  register(casting: Casting): Promise<{ kind: string; definition: object }>;
  /** A tool that needs a person's permission, and its arguments, as the model calls it. */
  gatedCall(command: string): { call: string; with: Record<string, unknown> };
  /** What its screen shows while it asks for permission, and while it asks for trust. */
  permissionDialog: RegExp;
  trustDialog: RegExp;
  /** Keys by which a person answers yes to either. */
  yes: { permission: string; trust: string };
  /** Whether a session can be brought back, or why it cannot yet. */
  resumes: true | { no: string };
}
