import { createPtyTerminal } from "../../adapters/terminals/pty/terminal.ts";
import { createTmuxTerminal } from "../../adapters/terminals/tmux/terminal.ts";
import type { TerminalBackend } from "../../machines/runtime/contract.ts";
import type { Clock } from "../../runtime/clock.ts";
import { errorBody, RouseError } from "../../runtime/errors.ts";
import type { Terminal } from "../../runtime/terminal.ts";

export interface Terminals {
  byBackend: Partial<Record<TerminalBackend, Terminal>>;
  /** tmux where it works, else our own PTY. */
  preferred: TerminalBackend;
  /** Why a backend is not offered, for the log. */
  missing: { backend: TerminalBackend; reason: string }[];
}

/** Every backend that works on this host. Throws `terminal_backend_missing` when none does, or not the one asked for. */
export async function openTerminals(options: {
  folder: string;
  clock: Clock;
  tmuxProgram?: string;
  /** Launch here and nowhere else. Left out: the first that works. */
  preferred?: TerminalBackend | undefined;
}): Promise<Terminals> {
  const { folder, clock, tmuxProgram } = options;
  const candidates = [
    createTmuxTerminal({
      folder: `${folder}/tmux`,
      clock,
      ...(tmuxProgram === undefined ? {} : { program: tmuxProgram }),
    }),
    createPtyTerminal({ folder: `${folder}/pty`, clock }),
  ];
  const byBackend: Terminals["byBackend"] = {};
  const missing: Terminals["missing"] = [];
  for (const terminal of candidates) {
    try {
      await terminal.probe();
      byBackend[terminal.backend] = terminal;
    } catch (error) {
      missing.push({ backend: terminal.backend, reason: errorBody(error).message });
    }
  }
  const wanted = candidates.filter(
    ({ backend }) => options.preferred === undefined || backend === options.preferred,
  );
  const preferred = wanted.find(({ backend }) => byBackend[backend] !== undefined)?.backend;
  if (preferred !== undefined) return { byBackend, preferred, missing };
  const reasons = missing.map(({ backend, reason }) => `${backend}: ${reason}`).join("; ");
  throw new RouseError("terminal_backend_missing", `no terminal works on this host (${reasons})`, {
    nextStep: "Install tmux 3.2 or newer.",
  });
}
