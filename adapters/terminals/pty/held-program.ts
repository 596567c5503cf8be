/** The program inside a holder: its pseudo-terminal, its screen, and the people who look at it. */
import { spawn, type IPty } from "node-pty";
import type { AnswerKey, TerminalView } from "../../../runtime/terminal.ts";
import type { TerminalClock } from "../clock.ts";
import { endProcess } from "../end-process.ts";
import { launcherArgv } from "../launch-spec.ts";
import { foregroundOf, processStartedAt } from "../process-table.ts";
import { readPersonInput } from "./person-input.ts";
import type { ExpectedProgram } from "./protocol.ts";
import { Screen } from "./screen.ts";

export interface HeldProgramEvents {
  /** Raw output, for people who are attached. */
  onOutput(data: string): void;
  /** The screen, the process or a person's typing changed. */
  onChange(): void;
  onEnd(exitCode: number | null): void;
}

export class HeldProgram {
  readonly identity: ExpectedProgram;
  readonly #pty: IPty;
  readonly #screen: Screen;
  readonly #clock: TerminalClock;
  readonly #events: HeldProgramEvents;
  #end: { exitCode: number | null } | null = null;
  #humanAt: number | null = null;
  viewers = 0;

  constructor(
    start: { specPath: string; columns: number; rows: number; clock: TerminalClock },
    events: HeldProgramEvents,
  ) {
    const [program, ...args] = launcherArgv(start.specPath);
    this.#clock = start.clock;
    this.#events = events;
    this.#screen = new Screen(start, (reply) => this.#write(reply));
    // The launcher sets the program's folder and environment.
    const options = { name: "xterm-256color", cols: start.columns, rows: start.rows, cwd: "/", env: {} };
    this.#pty = spawn(program, args, options);
    this.identity = { pid: this.#pty.pid, pidStartedAt: processStartedAt(this.#pty.pid) ?? "" };
    this.#pty.onData((data) => void this.#show(data));
    this.#pty.onExit((exit) => void this.#finish(exit));
  }

  get isAlive(): boolean {
    return this.#end === null;
  }

  async view(): Promise<TerminalView> {
    await this.#screen.write("");
    const { exitCode } = this.#end ?? {};
    return {
      alive: this.isAlive,
      ...(exitCode === undefined || exitCode === null ? {} : { exitCode }),
      ...this.#screen.read(),
      title: this.#screen.title,
      inCopyMode: false,
      viewers: this.viewers,
      humanIdleMs: this.#humanAt === null ? null : Math.max(0, this.#clock.now() - this.#humanAt),
      foreground: this.isAlive ? foregroundOf(this.identity.pid) : "",
    };
  }

  /** Newlines stay newlines, as with tmux's `paste-buffer -p -r`. Returns the bytes of the text. */
  paste(text: string): number {
    this.#write(this.#screen.bracketedPaste ? `\x1b[200~${text}\x1b[201~` : text);
    return Buffer.byteLength(text);
  }

  pressEnter(): void {
    this.#write("\r");
  }

  pressKey(key: AnswerKey): void {
    const arrow = key === "Up" ? "A" : key === "Down" ? "B" : null;
    this.#write(arrow === null ? key : `${this.#screen.applicationCursorKeys ? "\x1bO" : "\x1b["}${arrow}`);
  }

  /** Escape sequences that show the present screen to somebody who attaches. Attaching counts as a touch. */
  attach(columns: number, rows: number): string {
    this.viewers += 1;
    this.#touch();
    this.resize(columns, rows);
    return this.#screen.paint();
  }

  detach(): void {
    this.viewers -= 1;
    this.#events.onChange();
  }

  personTypes(data: string): void {
    const { forProgram, isTyping } = readPersonInput(data);
    if (isTyping) this.#touch();
    this.#write(forProgram);
  }

  resize(columns: number, rows: number): void {
    if (!this.isAlive) return;
    this.#screen.resize(columns, rows);
    this.#pty.resize(columns, rows);
  }

  async kill(graceMs: number): Promise<void> {
    const { pid, pidStartedAt } = this.identity;
    await endProcess({ pid, startedAt: pidStartedAt, graceMs, clock: this.#clock });
  }

  #touch(): void {
    this.#humanAt = this.#clock.now();
    this.#events.onChange();
  }

  #write(data: string): void {
    if (this.isAlive && data !== "") this.#pty.write(data);
  }

  async #show(data: string): Promise<void> {
    this.#events.onOutput(data);
    await this.#screen.write(data);
    this.#events.onChange();
  }

  async #finish(exit: { exitCode: number; signal?: number }): Promise<void> {
    const endedBySignal = exit.signal !== undefined && exit.signal !== 0;
    this.#end = { exitCode: endedBySignal ? null : exit.exitCode };
    await this.#screen.write("");
    this.#events.onEnd(this.#end.exitCode);
    this.#events.onChange();
  }
}
