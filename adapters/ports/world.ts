import type { TerminalBackend } from "../../machines/runtime/contract.ts";
import type { RuntimePolicy } from "../../machines/runtime/events.ts";
import type { Clock } from "../../runtime/clock.ts";
import type { Engine } from "../../runtime/engine.ts";
import { RouseError } from "../../runtime/errors.ts";
import type { Terminal } from "../../runtime/terminal.ts";
import type { WakeLimits } from "./wake-rate.ts";
import type { ServerCommand } from "../agents/host.ts";
import type { AgentKinds } from "../agents/registry.ts";

export interface TokenOwner {
  agentId: string;
  /** Null when only the program will know it. */
  sessionId: string | null;
  runtimeId: string;
}

/** Everything outside that the ports need; the composition root fills it in. */
export interface WorldOptions {
  /** Name of this host, as in the inputs of host-bound ports. */
  host: string;
  terminals: Readonly<Partial<Record<TerminalBackend, Terminal>>>;
  /** Backend for agents that a wake resumes or spawns; one of `terminals`. */
  launchBackend: TerminalBackend;
  kinds: AgentKinds;
  /** Absolute; each agent that needs one gets a private folder below it. */
  agentFolders: string;
  credentials: {
    /** A token for one runtime of one agent that lasts; reaches the program by its environment only. */
    tokenFor(owner: TokenOwner): Promise<string>;
    /** A file that always holds a good short-lived token, for programs that read it anew. Left out: none has one. */
    tokenFileFor?: (owner: TokenOwner) => Promise<string>;
  };
  /** Whether nothing may be typed for this agent and thread (null: whatever the thread), by a switch of theirs or the workspace's: the truth at this moment. */
  isPaused: (wake: { agentId: string; threadId: string | null }) => Promise<boolean>;
  /** Address of our MCP endpoint, as agents on this host reach it. */
  mcpUrl: string;
  /** Speaks to that endpoint for programs that would give up one that goes away. */
  stdioServer: ServerCommand;
  /** Our own environment; an allow-list of it reaches agents. */
  baseEnv: Readonly<Record<string, string | undefined>>;
  clock: Clock;
  engine: Engine;
  runtimePolicy: RuntimePolicy;
  /** A person's last key stroke counts as presence for this long. */
  quietWindowMs: number;
  wakesPerMinute: WakeLimits;
}

export function requireTerminal({ terminals }: WorldOptions, backend: TerminalBackend): Terminal {
  const terminal = terminals[backend];
  if (terminal !== undefined) return terminal;
  throw new RouseError(
    "terminal_backend_missing",
    `terminals of kind ${backend} are not available on this host`,
    {
      nextStep: `Install what ${backend} needs, or launch with one of: ${Object.keys(terminals).join(", ")}.`,
    },
  );
}
