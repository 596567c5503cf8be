/**
 * The terminal port: what the engine needs from a place where an agent's interactive program lives.
 * `adapters/terminals/*` implement it; one conformance suite runs over all of them.
 */
import type { TerminalBackend } from "../machines/runtime/contract.ts";

/** Keys that answer a dialog beside Enter: they move the choice, or name an option. */
export const answerKeys = ["Up", "Down", "1", "2", "3", "4", "5", "6", "7", "8", "9"] as const;
export type AnswerKey = (typeof answerKeys)[number];

/** Identity of one terminal process. Every field must still match before a byte is written (invariant 14). */
export interface TerminalAddress {
  backend: TerminalBackend;
  /** tmux: absolute socket path. pty: absolute path of the holder's unix socket. */
  server: string;
  /** tmux: pane id such as `%3`. pty: the managed runtime's id. */
  target: string;
  /** Process id of the program in the terminal. */
  pid: number;
  /** Kernel start time of that pid, in clock ticks since boot (`/proc/PID/stat` field 22), so a reused pid is noticed. */
  pidStartedAt: string;
}

export interface LaunchRequest {
  /** Chosen by the caller, `[a-z0-9-]+`; launching the same id twice returns the first terminal (idempotent). */
  runtimeId: string;
  /** Program and arguments, executed without any shell. */
  argv: readonly [string, ...string[]];
  /** Absolute folder; may be hostile text, is never seen by tmux. */
  cwd: string;
  /** The complete environment of the program: nothing is inherited. */
  env: Readonly<Record<string, string>>;
  columns?: number;
  rows?: number;
}

/** What a look at the terminal shows, before patterns are applied. */
export interface TerminalView {
  alive: boolean;
  /** Exit code when the backend knows it. */
  exitCode?: number;
  /** The rendered screen, one string a line, trailing spaces removed, without styling. */
  lines: readonly string[];
  /** The same lines where dim (ghost) text is blanked out, so that suggestions are not mistaken for a draft. */
  solidLines: readonly string[];
  cursor: { row: number; column: number };
  title: string;
  /** True while a person reads history (tmux copy-mode): nothing may be typed. */
  inCopyMode: boolean;
  /** People attached right now (control clients excluded). */
  viewers: number;
  /**
   * Milliseconds since a person last touched the keyboard, or null when nobody did. Attaching counts as a touch, and a
   * backend with a coarse clock (tmux: seconds) rounds towards now.
   */
  humanIdleMs: number | null;
  /** Name of the foreground program, for instance `node` or `bash`. */
  foreground: string;
}

export interface Terminal {
  readonly backend: TerminalBackend;
  /** Throws `terminal_backend_missing` when the backend cannot work on this host (no tmux, …). */
  probe(): Promise<{ version: string }>;
  launch(request: LaunchRequest): Promise<TerminalAddress>;
  /** Makes a record of a terminal somebody else started. `server`: tmux socket path; `target`: pane id. Throws `terminal_missing`. */
  adopt(target: { server: string; target: string }): Promise<TerminalAddress>;
  /** Finds what an earlier process of ours launched under this id; null when there is none. */
  find(runtimeId: string): Promise<TerminalAddress | null>;
  /** The living ones that processes of ours launched here, by the id they were launched under. */
  listLaunched(): Promise<{ runtimeId: string; address: TerminalAddress }[]>;
  /** Throws `terminal_missing` or `terminal_identity_mismatch`. */
  view(address: TerminalAddress): Promise<TerminalView>;
  /**
   * Puts sanitised text into the input box as one paste, bracketed when the program asked for that. Never submits. Checks
   * identity first. Returns bytes written. Wrote nothing when it throws `terminal_missing`, `terminal_identity_mismatch`
   * or `conflict` (the history is open); with `terminal_failed` that is not known.
   */
  paste(address: TerminalAddress, text: string): Promise<number>;
  /** The Enter key, as its own write. Checks identity first. Throws like `paste`. */
  pressEnter(address: TerminalAddress): Promise<void>;
  /** One key into a dialog, as its own write. Checks identity first. Throws like `paste`. */
  pressKey(address: TerminalAddress, key: AnswerKey): Promise<void>;
  /** Closes a history view (tmux copy-mode) so that the program gets keys again. Only for terminals without viewers. */
  leaveCopyMode(address: TerminalAddress): Promise<void>;
  /** Calls back when the screen, the process or a person's typing changed; coalesced. Returns the unsubscribe function. */
  watch(address: TerminalAddress, onChange: () => void): Promise<() => void>;
  /** Ends the program (SIGHUP, then SIGKILL after `graceMs`) and removes the terminal. Idempotent. */
  kill(address: TerminalAddress, options?: { graceMs?: number }): Promise<void>;
  /**
   * Rings the bell of everybody who is attached to terminals of ours here, on their screens alone: no program gets a byte.
   * Returns how many. Absent: this backend cannot.
   */
  ringViewers?(): Promise<number>;
  /** The command line a person runs to attach. */
  attachCommand(address: TerminalAddress): readonly string[];
  /** Releases what this process holds; launched terminals live on. */
  close(): Promise<void>;
}
