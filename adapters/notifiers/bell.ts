import { ringBell } from "../../machines/notifier/ports.ts";
import { implementPort, type AnyPortImplementation } from "../../runtime/ports.ts";
import type { Terminal } from "../../runtime/terminal.ts";

/** Nobody looking is no failure: a bell is for who is there. */
export function ringBellPort(terminals: readonly Pick<Terminal, "ringViewers">[]): AnyPortImplementation {
  return implementPort(ringBell, async () => {
    const rung = await Promise.all(terminals.map(async (terminal) => (await terminal.ringViewers?.()) ?? 0));
    return { rung: rung.reduce((sum, each) => sum + each, 0) };
  });
}
