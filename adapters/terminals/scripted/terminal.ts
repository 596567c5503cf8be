/** A terminal in memory: no process, no file. People are scripted, time is the given clock's. */
import { RouseError } from "../../../runtime/errors.ts";
import type {
  AnswerKey,
  LaunchRequest,
  Terminal,
  TerminalAddress,
  TerminalView,
} from "../../../runtime/terminal.ts";
import type { TerminalClock } from "../clock.ts";
import { checkLaunchRequest, requireRuntimeId } from "../launch-spec.ts";
import { sanitizeForTerminal } from "../sanitize.ts";
import { PromptProgram, type PromptFrame } from "./prompt-program.ts";

const maxPasteBytes = 64 * 1024;

export interface ScriptedProgram {
  /** Typed or pasted text without line ends. */
  type(text: string): void;
  erase(): void;
  pressEnter(): void;
  /** Arrow keys, where the program knows any. */
  move?(by: -1 | 1): void;
  frame(): PromptFrame;
  /** Null while it runs. */
  exitCode: number | null;
}

interface Place {
  runtimeId: string;
  program: ScriptedProgram;
  pid: number;
  /** Null while it lives; the code may be unknown. */
  end: { exitCode: number | undefined } | null;
  foreground: string;
  viewers: number;
  humanAt: number | null;
  inCopyMode: boolean;
  watchers: Set<() => void>;
}

/** What outlives a `Terminal` object, and the hands of the people in it. */
export class ScriptedWorld {
  readonly #clock: TerminalClock;
  readonly #start: (request: LaunchRequest) => ScriptedProgram;
  readonly #places = new Map<string, Place>();
  #nextPid = 1_000;

  constructor(
    clock: TerminalClock,
    start: (request: LaunchRequest) => ScriptedProgram = (request) => new PromptProgram(request),
  ) {
    this.#clock = clock;
    this.#start = start;
  }

  get now(): number {
    return this.#clock.now();
  }

  open(request: LaunchRequest): Place {
    const former = this.get(request.runtimeId);
    if (former !== null && former.end === null) return former;
    const place: Place = {
      runtimeId: request.runtimeId,
      program: this.#start(request),
      pid: this.#nextPid++,
      ...{
        end: null,
        foreground: "prompt",
        viewers: 0,
        humanAt: null,
        inCopyMode: false,
        watchers: new Set(),
      },
    };
    this.#places.set(request.runtimeId, place);
    return place;
  }

  living(): Place[] {
    return [...this.#places.values()].filter(({ end }) => end === null);
  }

  get(runtimeId: string): Place | null {
    return this.#places.get(runtimeId) ?? null;
  }

  remove(runtimeId: string): void {
    const place = this.get(runtimeId);
    this.#places.delete(runtimeId);
    if (place !== null) this.#changed(place);
  }

  personAttaches(runtimeId: string): void {
    this.#act(runtimeId, (place) => {
      place.viewers += 1;
      place.humanAt = this.now;
    });
  }

  personDetaches(runtimeId: string): void {
    this.#act(runtimeId, (place) => (place.viewers -= 1));
  }

  personTypes(runtimeId: string, keys: string): void {
    this.#act(runtimeId, (place) => {
      place.humanAt = this.now;
      if (!place.inCopyMode) this.feed(place, keys);
    });
  }

  /** Opens the history, as copy-mode does. */
  personScrolls(runtimeId: string): void {
    this.#act(runtimeId, (place) => (place.inCopyMode = true));
  }

  leaveHistory(runtimeId: string): void {
    this.#act(runtimeId, (place) => (place.inCopyMode = false));
  }

  /** `undefined`: ended by a signal. */
  programEnds(runtimeId: string, exitCode?: number): void {
    this.#act(runtimeId, (place) => (place.end = { exitCode }));
  }

  /** Another program takes the same place, as `respawn-pane` does. */
  programIsReplaced(runtimeId: string): void {
    this.#act(runtimeId, (place) => {
      place.pid = this.#nextPid++;
      place.end = null;
    });
  }

  foregroundBecomes(runtimeId: string, name: string): void {
    this.#act(runtimeId, (place) => (place.foreground = name));
  }

  feed(place: Place, keys: string): void {
    for (const key of keys) {
      if (key === "\r") place.program.pressEnter();
      else if (key === "\x7f") place.program.erase();
      else place.program.type(key);
    }
    const { exitCode } = place.program;
    if (exitCode !== null && place.end === null) place.end = { exitCode };
    this.#changed(place);
  }

  #act(runtimeId: string, change: (place: Place) => void): void {
    const place = this.get(runtimeId);
    if (place === null) throw missing(runtimeId);
    change(place);
    this.#changed(place);
  }

  #changed(place: Place): void {
    for (const watcher of place.watchers) this.#clock.after(0, watcher);
  }
}

export function createScriptedTerminal(world: ScriptedWorld): Terminal {
  return new ScriptedTerminal(world);
}

class ScriptedTerminal implements Terminal {
  readonly backend = "scripted";
  readonly #world: ScriptedWorld;
  readonly #unsubscribes = new Set<() => void>();

  constructor(world: ScriptedWorld) {
    this.#world = world;
  }

  async probe(): Promise<{ version: string }> {
    return { version: "scripted" };
  }

  async launch(request: LaunchRequest): Promise<TerminalAddress> {
    checkLaunchRequest(request);
    return addressOf(this.#world.open(request));
  }

  async adopt({ target }: { server: string; target: string }): Promise<TerminalAddress> {
    const place = this.#world.get(target);
    if (place === null || place.end !== null) throw missing(target);
    return addressOf(place);
  }

  async find(runtimeId: string): Promise<TerminalAddress | null> {
    const place = this.#world.get(requireRuntimeId(runtimeId));
    return place === null || place.end !== null ? null : addressOf(place);
  }

  async listLaunched(): Promise<{ runtimeId: string; address: TerminalAddress }[]> {
    return this.#world.living().map((place) => ({ runtimeId: place.runtimeId, address: addressOf(place) }));
  }

  async view(address: TerminalAddress): Promise<TerminalView> {
    const place = this.#require(address);
    const { lines, cursor, title } = place.program.frame();
    const exitCode = place.end?.exitCode;
    return {
      alive: place.end === null,
      ...(exitCode === undefined ? {} : { exitCode }),
      lines: lines.map((line) =>
        line
          .map(({ text }) => text)
          .join("")
          .trimEnd(),
      ),
      solidLines: lines.map((line) =>
        line
          .map(({ text, dim }) => (dim ? " ".repeat(text.length) : text))
          .join("")
          .trimEnd(),
      ),
      cursor,
      title,
      inCopyMode: place.inCopyMode,
      viewers: place.viewers,
      humanIdleMs: place.humanAt === null ? null : this.#world.now - place.humanAt,
      foreground: place.end === null ? place.foreground : "",
    };
  }

  async paste(address: TerminalAddress, text: string): Promise<number> {
    const place = this.#requireTypable(address);
    const safe = sanitizeForTerminal(text, { maxBytes: maxPasteBytes });
    this.#world.feed(place, safe);
    return Buffer.byteLength(safe);
  }

  async pressEnter(address: TerminalAddress): Promise<void> {
    this.#world.feed(this.#requireTypable(address), "\r");
  }

  async pressKey(address: TerminalAddress, key: AnswerKey): Promise<void> {
    const place = this.#requireTypable(address);
    if (key === "Up" || key === "Down") place.program.move?.(key === "Up" ? -1 : 1);
    this.#world.feed(place, key === "Up" || key === "Down" ? "" : key);
  }

  async leaveCopyMode(address: TerminalAddress): Promise<void> {
    this.#world.leaveHistory(this.#require(address).runtimeId);
  }

  async watch(address: TerminalAddress, onChange: () => void): Promise<() => void> {
    const { watchers } = this.#require(address);
    const watcher = (): void => {
      if (watchers.has(watcher)) onChange();
    };
    watchers.add(watcher);
    const unsubscribe = () => watchers.delete(watcher);
    this.#unsubscribes.add(unsubscribe);
    return unsubscribe;
  }

  async kill(address: TerminalAddress): Promise<void> {
    const place = this.#world.get(address.target);
    if (place !== null && place.pid === address.pid) this.#world.remove(address.target);
  }

  attachCommand(address: TerminalAddress): readonly string[] {
    return ["scripted", address.target];
  }

  async close(): Promise<void> {
    for (const unsubscribe of this.#unsubscribes) unsubscribe();
  }

  #require(address: TerminalAddress): Place {
    const place = this.#world.get(address.target);
    if (place === null) throw missing(address.target);
    if (place.pid === address.pid) return place;
    throw new RouseError(
      "terminal_identity_mismatch",
      `The terminal ${address.target} now runs process ${place.pid}.`,
    );
  }

  #requireTypable(address: TerminalAddress): Place {
    const place = this.#require(address);
    if (place.end !== null) throw missing(address.target);
    if (!place.inCopyMode) return place;
    throw new RouseError("conflict", `A person reads the history of ${address.target}.`);
  }
}

function addressOf({ runtimeId, pid }: Place): TerminalAddress {
  return { backend: "scripted", server: "memory", target: runtimeId, pid, pidStartedAt: String(pid) };
}

function missing(runtimeId: string): RouseError {
  return new RouseError("terminal_missing", `There is no scripted terminal ${runtimeId}.`);
}
