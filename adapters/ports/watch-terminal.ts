import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import type { Observation } from "../../machines/runtime/contract.ts";
import { watchTerminal } from "../../machines/runtime/ports.ts";
import { delay } from "../../runtime/clock.ts";
import { isRouseError } from "../../runtime/errors.ts";
import { implementPort, type AnyPortImplementation, type PortCall } from "../../runtime/ports.ts";
import type { TerminalView } from "../../runtime/terminal.ts";
import type { AgentProgram, RunningProgram } from "../agents/kind.ts";
import { settle, type ScreenReader, type SettledReading } from "../terminals/patterns.ts";
import { workingFolderOf } from "../terminals/process-table.ts";
import { sanitizeLine } from "../terminals/sanitize.ts";
import { Bell } from "../terminals/bell.ts";
import { unreadable, type LivePrograms } from "./live-programs.ts";
import { getLocalAgent, type LocalAgent } from "./local-agent.ts";
import { readRuntime } from "./managed-runtime.ts";
import { observe } from "./observation.ts";
import { ProgramSource } from "./program-source.ts";
import { noteToldSession } from "./told-session.ts";
import { requireTerminal, type WorldOptions } from "./world.ts";

/** Two looks are at least this far apart, however busy the screen is. */
const minLookMs = 50;
/** The net below lost notices, and the end of a person's quiet window. */
const relookMs = 2_000;
/** A screen that looks idle is looked at again after this long before it counts. */
const settleMs = 200;
/** Backends that fail in passing are asked again this often before the watch gives up. */
const patience = 5;
const maxLastLineBytes = 200;

export function watchTerminalPort(world: WorldOptions, programs: LivePrograms): AnyPortImplementation {
  return implementPort(watchTerminal, async (call) => {
    const { address, agentId, runtimeId } = call.input;
    const terminal = requireTerminal(world, address.backend);
    const agent = await getLocalAgent(world, agentId);
    const read = agent === null ? unreadable : await programs.reader(runtimeId, agent.program, call.signal);
    const bell = new Bell(world.clock);
    const stop = await terminal.watch(address, () => bell.ring());
    const ended = new AbortController();
    const source = new ProgramSource(world.clock, () => bell.ring());
    if (agent !== null && read !== unreadable) {
      const until = AbortSignal.any([call.signal, ended.signal]);
      void source.listen(agent.program, runningProgram(agent, call), until);
    }
    try {
      const watch = new Watch({ world, call, program: agent?.program ?? null, read, source });
      for (let failures = 0; ;) {
        call.signal.throwIfAborted();
        const view = await terminal.view(address).catch((error: unknown) => {
          failures += 1;
          if (!isRouseError(error, "terminal_failed") || failures > patience) throw error;
          return null;
        });
        if (view !== null) failures = 0;
        if (view?.alive === false) return await concludeEnd(world, call, view);
        const waitMs = view === null ? relookMs : await watch.look(view);
        await delay(world.clock, minLookMs, call.signal);
        await bell.rungWithin(waitMs, call.signal);
      }
    } finally {
      ended.abort();
      stop();
      programs.forget(runtimeId);
    }
  });
}

/** Learns how it ended, and clears away what is left of a terminal that we launched: nobody else would. */
async function concludeEnd(
  world: WorldOptions,
  call: Call,
  first: TerminalView,
): Promise<z.output<typeof watchTerminal.output>> {
  const { address } = call.input;
  const terminal = requireTerminal(world, address.backend);
  let view = first;
  // The process may be gone a moment before its terminal has noted the code; an end by a signal has none.
  for (let tries = 0; tries < 4 && view.exitCode === undefined; tries += 1) {
    await delay(world.clock, minLookMs);
    view = await terminal.view(address).catch(() => first);
  }
  const actor = await call.getActor(call.address);
  if (actor !== null && readRuntime(actor).origin.type === "launch") await terminal.kill(address);
  return { exitCode: view.exitCode ?? null, lastLine: lastLineOf(view) };
}

/** Only of a program that failed by itself: what it says at the end is often why. */
function lastLineOf({ exitCode, lines }: TerminalView): string | null {
  if (exitCode === undefined || exitCode === 0) return null;
  const line = sanitizeLine(lines.findLast((text) => text.trim() !== "") ?? "", {
    maxBytes: maxLastLineBytes,
  });
  return line === "" ? null : line;
}

type Call = PortCall<z.infer<typeof watchTerminal.input>>;

function runningProgram({ folder }: LocalAgent, { input }: Call): RunningProgram {
  const { runtimeId, agentId, sessionId, address } = input;
  const { pid } = address;
  return { runtimeId, agentId, sessionId, pid, cwd: workingFolderOf(pid), folder };
}

interface Watched {
  world: WorldOptions;
  call: Call;
  program: AgentProgram | null;
  read: ScreenReader;
  source: ProgramSource;
}

class Watch {
  readonly #watched: Watched;
  #settled: SettledReading | null = null;
  #reported: { observation: Observation; at: number } | null = null;
  /** Told last. One that the launch chose is not the agent's before its program says so. */
  #toldSessionId: string | null = null;

  constructor(watched: Watched) {
    this.#watched = watched;
  }

  /** Reports what changed. Returns how long to wait for the next notice. */
  async look(view: TerminalView): Promise<number> {
    const { world, call, program, read, source } = this.#watched;
    const { clock, quietWindowMs, runtimePolicy } = world;
    await this.#noteSession();
    const now = clock.now();
    this.#settled = settle(this.#settled, read(view), now, settleMs);
    const onlyTyped = program?.channels === undefined;
    const told = source.last;
    const observation = observe(this.#settled, view, { quietWindowMs, settleMs, told, onlyTyped, now });
    if (observation === null) return settleMs;
    // Silence makes a runtime stale, so an unchanged screen is told now and then, too.
    const isNews =
      !isDeepStrictEqual(observation, this.#reported?.observation) ||
      now - (this.#reported?.at ?? 0) >= runtimePolicy.staleAfterMs / 3;
    if (isNews) {
      await call.report({ type: "terminal.observed", observation });
      this.#reported = { observation, at: now };
    }
    return relookMs;
  }

  /** The session that the program itself tells, once each. */
  async #noteSession(): Promise<void> {
    const { call, program, source } = this.#watched;
    const sessionId = source.last?.report.sessionId ?? null;
    if (sessionId === null || sessionId === this.#toldSessionId || program === null) return;
    const { agentId, host } = call.input;
    await noteToldSession(call, { agentId, host, sessionId, resumable: program.canResume });
    this.#toldSessionId = sessionId;
  }
}
