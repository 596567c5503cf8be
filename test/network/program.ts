import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { openSync } from "node:fs";

/** A program that we started, and so may end: by its own process id, never by name. */
export class Program {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.#child = child;
    this.#exited = child.exitCode === null ? once(child, "exit") : Promise.resolve();
  }

  /** What it prints goes to `log`. */
  static start(
    name: string,
    [program = "", ...args]: readonly string[],
    options: { log: string; env?: NodeJS.ProcessEnv; cwd?: string },
  ): Program {
    const output = openSync(options.log, "a");
    const child = spawn(program, args, {
      stdio: ["ignore", output, output],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    return new Program(name, child);
  }

  get pid(): number {
    const { pid } = this.#child;
    if (pid === undefined) throw new Error(`${this.name} did not start`);
    return pid;
  }

  get lives(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    if (this.lives) process.kill(this.pid, signal);
  }

  /** Resolves when it has ended. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    this.signal(signal);
    await this.#exited;
  }
}
