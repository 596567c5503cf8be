import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import type { Observation } from "../../machines/runtime/contract.ts";
import { watchTerminal } from "../../machines/runtime/ports.ts";
import { delay, type Clock } from "../../runtime/clock.ts";
import { isRouseError } from "../../runtime/errors.ts";
import { implementPort, type AnyPortImplementation, type PortCall } from "../../runtime/ports.ts";
import type { TerminalView } from "../../runtime/terminal.ts";
import { settle, type ScreenReader, type SettledReading, createScreenReader } from "../terminals/patterns.ts";
import { sanitizeLine } from "../terminals/sanitize.ts";
import { getLocalAgent } from "./local-agent.ts";
import { readRuntime } from "./managed-runtime.ts";
import { observe } from "./observation.ts";
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

export function watchTerminalPort(world: WorldOptions): AnyPortImplementation {
  return implementPort(watchTerminal, async (call) => {
    const { address, agentId } = call.input;
    const terminal = requireTerminal(world, address.backend);
    const agent = await getLocalAgent(world, agentId);
    const read: ScreenReader = agent === null ? unreadable : createScreenReader(agent.program.patterns);
    const bell = new Bell(world.clock);
    const stop = await terminal.watch(address, () => bell.ring());
    try {
      const watch = new Watch(world, call, read);
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
      stop();
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

/** Without patterns nothing on a screen can be told apart, so nothing is typed. */
const unreadable: ScreenReader = () => ({ activity: "unknown", draft: null, bareShell: false });

type Call = PortCall<z.infer<typeof watchTerminal.input>>;

class Watch {
  readonly #world: WorldOptions;
  readonly #call: Call;
  readonly #read: ScreenReader;
  #settled: SettledReading | null = null;
  #reported: { observation: Observation; at: number } | null = null;

  constructor(world: WorldOptions, call: Call, read: ScreenReader) {
    this.#world = world;
    this.#call = call;
    this.#read = read;
  }

  /** Reports what changed. Returns how long to wait for the next notice. */
  async look(view: TerminalView): Promise<number> {
    const { clock, quietWindowMs, runtimePolicy } = this.#world;
    const now = clock.now();
    this.#settled = settle(this.#settled, this.#read(view), now, settleMs);
    const observation = observe(this.#settled, view, { quietWindowMs, settleMs, now });
    if (observation === null) return settleMs;
    // Silence makes a runtime stale, so an unchanged screen is told now and then, too.
    const isNews =
      !isDeepStrictEqual(observation, this.#reported?.observation) ||
      now - (this.#reported?.at ?? 0) >= runtimePolicy.staleAfterMs / 3;
    if (isNews) {
      await this.#call.report({ type: "terminal.observed", observation });
      this.#reported = { observation, at: now };
    }
    return relookMs;
  }
}

/** Remembers a ring until somebody waits for it. */
class Bell {
  readonly #clock: Clock;
  #hasRung = false;
  #wake: AbortController | null = null;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  ring(): void {
    this.#hasRung = true;
    this.#wake?.abort();
  }

  async rungWithin(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#hasRung) {
      this.#wake = new AbortController();
      await delay(this.#clock, ms, AbortSignal.any([signal, this.#wake.signal]));
      this.#wake = null;
    }
    this.#hasRung = false;
  }
}
