import { lstatSync } from "node:fs";
import { RouseError } from "../../../runtime/errors.ts";
import type { TerminalAddress } from "../../../runtime/terminal.ts";
import { processStartedAt } from "../process-table.ts";
import { missingPane, type PaneLook } from "./look.ts";

const paneIdPattern = /^%\d{1,9}$/;

/** Only pane ids: names fall through to other panes (`agent-1` reaches `agent-10` once agent-1 is gone). */
export function requirePaneId(target: string): string {
  if (paneIdPattern.test(target)) return target;
  throw new RouseError("invalid_input", `${JSON.stringify(target)} is no tmux pane id such as %3.`, {
    nextStep: "Print it inside the pane with: echo $TMUX_PANE",
  });
}

/** A socket of this user at an absolute path. */
export function requireServerSocket(path: string): string {
  if (!path.startsWith("/") || path.includes("\0")) {
    throw new RouseError("invalid_input", "A tmux server is named by the absolute path of its socket.", {
      nextStep: "Print it inside the pane with: tmux display-message -p '#{socket_path}'",
    });
  }
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined || !stat.isSocket()) {
    throw new RouseError("terminal_missing", `No tmux server listens at ${path}.`);
  }
  if (process.getuid !== undefined && stat.uid !== process.getuid()) {
    throw new RouseError("forbidden", `The tmux server at ${path} belongs to another user.`);
  }
  return path;
}

/** Whether the very program of the address still lives there. Throws `terminal_identity_mismatch`. */
export function checkIdentity(address: TerminalAddress, look: PaneLook): { alive: boolean } {
  if (look.pid !== address.pid) throw identityMismatch(address, `the pane now runs process ${look.pid}`);
  return { alive: !look.isDead && isSameProcess(address) };
}

export function requireAlive(address: TerminalAddress, look: PaneLook): void {
  if (!checkIdentity(address, look).alive) throw missingPane(address.server, address.target);
}

/** Throws `terminal_identity_mismatch` when the process id was used again. */
export function isSameProcess(address: TerminalAddress): boolean {
  const startedAt = processStartedAt(address.pid);
  if (startedAt === null) return false;
  if (startedAt !== address.pidStartedAt) throw identityMismatch(address, "the process id was used again");
  return true;
}

export function identityMismatch(address: TerminalAddress, found: string): RouseError {
  return new RouseError(
    "terminal_identity_mismatch",
    `The terminal ${address.target} is not the recorded one any more: ${found}.`,
    { nextStep: "Start the agent again, or adopt the pane anew.", details: { ...address } },
  );
}

interface Pane {
  pane: string;
  pid: number;
}

/** Throws `terminal_missing` when the process has ended. */
export function livingAddress(server: string, own: Pane): TerminalAddress {
  const startedAt = processStartedAt(own.pid);
  if (startedAt === null) throw missingPane(server, own.pane);
  return addressOf(server, own, startedAt);
}

/** No process starts then: whoever compares finds this one gone. */
const endedAtOnce = "";

/** Of a program that may have ended already: its last words are still to be read. */
export function openedAddress(server: string, own: Pane): TerminalAddress {
  return addressOf(server, own, processStartedAt(own.pid) ?? endedAtOnce);
}

function addressOf(server: string, { pane, pid }: Pane, pidStartedAt: string): TerminalAddress {
  return { backend: "tmux", server, target: pane, pid, pidStartedAt };
}
