import { AsyncLocalStorage } from "node:async_hooks";
import type { ClaimedEffect } from "../../runtime/store.ts";
import type { TerminalView } from "../../runtime/terminal.ts";

/** On whose behalf the code under way runs: a request of a client, or an attempt at an effect. */
export type Acting = RequestActing | AttemptActing;

export interface RequestActing {
  type: "request";
  requestId: string;
  operation: string;
  agentId: string;
  /** A fault struck it, so that its outcome or its audit may be missing. */
  wasStruck: boolean;
}

export interface AttemptActing {
  type: "attempt";
  port: string;
  /** Address and incarnation. */
  effect: string;
  lease: ClaimedEffect["lease"];
  input: Readonly<Record<string, unknown>>;
  /** Steps at which it last read its runtime's actor, first looked at the terminal, and last did anything. */
  checkedAtStep: number;
  firstLookAtStep: number | null;
  /** The latest look, and whether the attempt has asked for anything else since. */
  look: { view: TerminalView; step: number; at: number; isLatest: boolean } | null;
  pastedAt: number | null;
  pastedAtStep: number | null;
}

export const acting = new AsyncLocalStorage<Acting>();
