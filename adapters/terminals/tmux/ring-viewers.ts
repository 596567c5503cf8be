import { constants } from "node:fs";
import { open } from "node:fs/promises";
import type { TmuxClient } from "./client.ts";

const bell = "\u0007";
const { O_WRONLY, O_NOCTTY, O_NONBLOCK } = constants;

/**
 * Writes one BEL to the screen of each person attached to this server. It goes to their terminals, past tmux and its panes:
 * no program in a pane can take it for input. Returns how many were rung; those that cannot be are left out.
 */
export async function ringViewers(tmux: TmuxClient, server: string): Promise<number> {
  const listed = await tmux.run(server, ["list-clients", "-F", "#{client_control_mode} #{client_tty}"]);
  // Without a server nobody is attached.
  if (listed.exitCode !== 0) return 0;
  const ttys = listed.stdout
    .split("\n")
    .flatMap((line) => /^0 (?<tty>\/dev\/.+)$/u.exec(line)?.groups?.["tty"] ?? []);
  const rung = await Promise.all([...new Set(ttys)].map(ring));
  return rung.filter(Boolean).length;
}

/** Never waits: a terminal that takes nothing would hold the node. */
async function ring(tty: string): Promise<boolean> {
  try {
    const terminal = await open(tty, O_WRONLY | O_NOCTTY | O_NONBLOCK);
    try {
      if (!(await terminal.stat()).isCharacterDevice()) return false;
      await terminal.write(bell);
      return true;
    } finally {
      await terminal.close();
    }
  } catch {
    return false;
  }
}
