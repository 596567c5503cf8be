import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect } from "vitest";
import type { TerminalClock } from "../../../adapters/terminals/clock.ts";
import { createPtyTerminal } from "../../../adapters/terminals/pty/terminal.ts";
import { createScriptedTerminal, ScriptedWorld } from "../../../adapters/terminals/scripted/terminal.ts";
import { createTmuxTerminal } from "../../../adapters/terminals/tmux/terminal.ts";
import { systemClock } from "../../../runtime/clock.ts";
import type { LaunchRequest, Terminal, TerminalAddress } from "../../../runtime/terminal.ts";
import { leapingClock } from "./leaping-clock.ts";
import { type Person, seatPerson } from "./person.ts";

const fixtures = join(import.meta.dirname, "../../fixtures/terminals");
export const promptFixture = join(fixtures, "prompt.ts");
export const recorderFixture = join(fixtures, "recorder.ts");
export const hasTmux = spawnSync("tmux", ["-V"]).status === 0;

/** One backend with hands: what a test can do to the terminal from outside. */
export interface Stage {
  readonly terminal: Terminal;
  readonly clock: TerminalClock;
  readonly folder: string;
  launch(runtimeId: string, request?: Partial<LaunchRequest>): Promise<TerminalAddress>;
  /** A new `Terminal` over the same world, as after our own restart. */
  reopen(): Terminal;
  personAttaches(address: TerminalAddress): Promise<Person>;
  killProgram(address: TerminalAddress): void;
  /** Null where a place cannot get another program. */
  replaceProgram: ((address: TerminalAddress) => Promise<void>) | null;
  /** Opens the history as a person does who then goes away; null where there is none. */
  openHistory: ((address: TerminalAddress) => Promise<void>) | null;
  /** Lets virtual time pass; real time passes by itself. */
  pass(ms: number): void;
  end(): Promise<void>;
}

export interface StageKind {
  name: string;
  isAvailable: boolean;
  hasProcesses: boolean;
  open(): Stage;
}

export function promptRequest(runtimeId: string, request: Partial<LaunchRequest> = {}): LaunchRequest {
  const argv: LaunchRequest["argv"] = [process.execPath, "--no-warnings", promptFixture];
  return {
    runtimeId,
    argv,
    cwd: "/",
    env: { PATH: "/usr/bin:/bin", LC_ALL: "C.UTF-8" },
    columns: 100,
    rows: 30,
    ...request,
  };
}

export const stageKinds: readonly StageKind[] = [
  { name: "tmux", isAvailable: hasTmux, hasProcesses: true, open: openTmux },
  { name: "pty", isAvailable: true, hasProcesses: true, open: openPty },
  { name: "scripted", isAvailable: true, hasProcesses: false, open: openScripted },
];

function openTmux(): Stage {
  const tmux = (address: TerminalAddress, ...args: string[]) =>
    execFileSync("tmux", ["-S", address.server, ...args]);
  const socket = (folder: string) => join(folder, "tmux.sock");
  return openProcesses((folder) => createTmuxTerminal({ folder, clock: systemClock, pollMs: 200 }), {
    replaceProgram: async (address) =>
      void tmux(address, "respawn-pane", "-k", "-t", address.target, "--", "/bin/sleep", "600"),
    openHistory: async (address) => void tmux(address, "copy-mode", "-t", address.target),
    cleanUp: (folder) => void spawnSync("tmux", ["-S", socket(folder), "kill-server"]),
  });
}

function openPty(): Stage {
  return openProcesses((folder) => createPtyTerminal({ folder, clock: systemClock }), {
    replaceProgram: null,
    openHistory: null,
    cleanUp: () => {},
  });
}

function openProcesses(
  create: (folder: string) => Terminal,
  hands: Pick<Stage, "replaceProgram" | "openHistory"> & { cleanUp: (folder: string) => void },
): Stage {
  const folder = mkdtempSync(join(tmpdir(), "rouse-terminals-"));
  const terminals = [create(folder)];
  const launched: TerminalAddress[] = [];
  const people: Person[] = [];
  const terminal = terminals[0] ?? create(folder);
  return {
    ...{ terminal, folder, clock: systemClock },
    replaceProgram: hands.replaceProgram,
    openHistory: hands.openHistory,
    async launch(runtimeId, request) {
      const address = await terminal.launch(promptRequest(runtimeId, request));
      launched.push(address);
      return address;
    },
    reopen() {
      const next = create(folder);
      terminals.push(next);
      return next;
    },
    async personAttaches(address) {
      const person = seatPerson(terminal.attachCommand(address));
      people.push(person);
      await until(async () => (await terminal.view(address)).viewers > 0, "a person is attached");
      return person;
    },
    pass: () => {},
    killProgram: (address) => void process.kill(address.pid, "SIGKILL"),
    async end() {
      const steps = [
        ...people.map((person) => () => person.leave()),
        ...launched.map((address) => () => terminal.kill(address, { graceMs: 0 })),
        ...terminals.map((each) => () => each.close()),
      ];
      const failures: unknown[] = [];
      for (const step of steps) await step().catch((error: unknown) => failures.push(error));
      hands.cleanUp(folder);
      rmSync(folder, { recursive: true, force: true });
      expect(failures).toEqual([]);
    },
  };
}

function openScripted(): Stage {
  const clock = leapingClock();
  const world = new ScriptedWorld(clock);
  const terminal = createScriptedTerminal(world);
  return {
    ...{ terminal, clock, folder: "/" },
    launch: (runtimeId, request) => terminal.launch(promptRequest(runtimeId, request)),
    reopen: () => createScriptedTerminal(world),
    async personAttaches({ target }) {
      world.personAttaches(target);
      clock.advance(1);
      let leave: (exitCode: number) => void = () => {};
      const left = new Promise<number>((resolve) => (leave = resolve));
      return {
        type: (keys) => world.personTypes(target, keys),
        seen: () => "",
        left,
        async leave() {
          world.personDetaches(target);
          leave(0);
        },
      };
    },
    pass: (ms) => clock.advance(ms),
    killProgram: ({ target }) => world.programEnds(target),
    replaceProgram: async ({ target }) => world.programIsReplaced(target),
    openHistory: async ({ target }) => world.personScrolls(target),
    end: async () => {},
  };
}

/** Waits for a condition of the outside world. Fails with its name rather than hang. */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  withinMs = 15_000,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
