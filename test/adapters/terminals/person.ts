import { spawn } from "node-pty";

/** A person in front of a terminal of their own, who ran the attach command. */
export interface Person {
  type(keys: string): void;
  /** Everything their terminal was shown so far. */
  seen(): string;
  leave(): Promise<void>;
  readonly left: Promise<number>;
}

export function seatPerson(command: readonly string[], size = { cols: 100, rows: 30 }): Person {
  const [program = "", ...args] = command;
  const env = { TERM: "xterm-256color", PATH: process.env["PATH"] ?? "", LC_ALL: "C.UTF-8", HOME: "/tmp" };
  const terminal = spawn(program, args, { ...size, name: "xterm-256color", cwd: "/", env });
  let shown = "";
  terminal.onData((data) => (shown += data));
  const left = new Promise<number>((resolve) => terminal.onExit(({ exitCode }) => resolve(exitCode)));
  return {
    type: (keys) => terminal.write(keys),
    seen: () => shown,
    left,
    async leave() {
      terminal.kill("SIGHUP");
      await left;
    },
  };
}
