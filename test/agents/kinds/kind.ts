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
  /** Whether it asks a person before it runs commands, and before it trusts the folder. */
  asks: { permission: boolean; trust: boolean };
}

/** Keys of a person, and what the screen shows before the next ones. */
export interface Answering {
  keys: string;
  shows?: RegExp;
}

export interface PlayedDialog {
  /** What the screen shows. */
  shown: RegExp;
  /** How a person answers yes. */
  yes: readonly Answering[];
}

/** An agent program as it is registered and played with. */
export interface PlayedKind {
  name: AgentPackageName;
  /** As it is registered; default its name. */
  kind?: string;
  /** Its wakes go a way of their own, and are not typed. */
  hasChannel?: true;
  /** The definition that it is registered with; writes what else the program needs. */
  define(casting: Casting): Promise<object>;
  /** A tool that needs a person's permission, and its arguments, as the model calls it. */
  gatedCall(command: string): { call: string; with: Record<string, unknown> };
  permission: PlayedDialog;
  /** Null: the kind sees to it that it is never asked. */
  trust: PlayedDialog | null;
}
