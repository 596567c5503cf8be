import { setTimeout as pause } from "node:timers/promises";
import { spawn } from "node-pty";
import { attachCommand } from "../commands/attach.ts";
import type { Runtime } from "../payloads.ts";

/** A person in front of an agent's terminal: a real client on a terminal of its own, which types key by key. */
export interface Person {
  type(keys: string): Promise<void>;
  leave(): Promise<void>;
}

const keyIntervalMs = 60;
const seatedWithinMs = 5_000;

/** Resolves once their client shows the terminal; keys typed before that might go nowhere. */
export async function seatPerson(runtime: Runtime): Promise<Person> {
  const [program, ...args] = attachCommand(runtime);
  const env = { TERM: "xterm-256color", PATH: process.env["PATH"] ?? "", LC_ALL: "C.UTF-8" };
  const terminal = spawn(program, args, { cols: 160, rows: 48, name: "xterm-256color", cwd: "/", env });
  const isShown = new Promise((resolve) => terminal.onData(resolve));
  const left = new Promise((resolve) => terminal.onExit(resolve));
  await Promise.race([isShown, pause(seatedWithinMs, undefined, { ref: false })]);
  return {
    async type(keys) {
      for (const key of keys) {
        terminal.write(key);
        await pause(keyIntervalMs);
      }
    },
    async leave() {
      try {
        terminal.kill("SIGHUP");
      } catch {
        // The client ended with the terminal that it showed.
      }
      await left;
    },
  };
}
