import { addresses } from "../../machines/mail.ts";
import {
  deliverWake,
  type DeliverWakeInput,
  type DeliverWakeOutput,
} from "../../machines/participant/ports.ts";
import type { RuntimeContext } from "../../machines/runtime/events.ts";
import { implementPort, type AnyPortImplementation, type PortCall } from "../../runtime/ports.ts";
import type { Terminal, TerminalAddress } from "../../runtime/terminal.ts";
import type { AgentProgram } from "../agents/kind.ts";
import { createScreenReader } from "../terminals/patterns.ts";
import { serially } from "../terminals/serially.ts";
import { typeSafely } from "../terminals/typing.ts";
import { getLocalAgent } from "./local-agent.ts";
import { readRuntime } from "./managed-runtime.ts";
import { isWakeLine, threadOfWakeLine, wakeLine } from "./wake-line.ts";
import { WakeRate } from "./wake-rate.ts";
import { requireTerminal, type WorldOptions } from "./world.ts";

type Call = PortCall<DeliverWakeInput>;
type Standstill = Extract<DeliverWakeOutput, { verdict: "deferred" | "refused" }>;

/** Carries a verdict out of the typing procedure; nothing was written. */
class NothingWritten extends Error {
  readonly verdict: Standstill;

  constructor(verdict: Standstill) {
    super(verdict.reason);
    this.verdict = verdict;
  }
}

export function deliverWakePort(world: WorldOptions): AnyPortImplementation {
  const rate = new WakeRate(world.wakesPerMinute);
  const oneAtATime = serially();
  return implementPort(deliverWake, async (call) => {
    try {
      return await oneAtATime(call.input.runtimeId, () => deliver(world, rate, call));
    } catch (error) {
      if (error instanceof NothingWritten) return error.verdict;
      throw error;
    }
  });
}

async function deliver(world: WorldOptions, rate: WakeRate, call: Call): Promise<DeliverWakeOutput> {
  const { input, signal } = call;
  signal.throwIfAborted();
  const address = await requireOpenTerminal(world, call);
  const agent = await getLocalAgent(world, input.agentId);
  if (agent === null) return { verdict: "deferred", reason: "stateUnknown", retryAfterMs: null };
  const retryAfterMs = input.force ? 0 : rate.waitMs(input, world.clock.now());
  if (retryAfterMs > 0) return { verdict: "deferred", reason: "rateLimited", retryAfterMs };
  const { program } = agent;
  return typeWake({ world, call, program, address, terminal: requireTerminal(world, address.backend) }, rate);
}

interface Target {
  world: WorldOptions;
  call: Call;
  program: AgentProgram;
  terminal: Terminal;
  address: TerminalAddress;
}

function typeWake(
  { world, call, program, terminal, address }: Target,
  rate: WakeRate,
): Promise<DeliverWakeOutput> {
  const { input, signal } = call;
  const { clock } = world;
  return typeSafely({
    terminal,
    address,
    text: wakeLine(input),
    read: createScreenReader(program.patterns),
    quietWindowMs: input.quietWindowMs,
    force: input.force,
    clock,
    pace: { enterDelayMs: program.enterDelayMs },
    isOwnText: isWakeLine,
    saysTheSame: (draft) => threadOfWakeLine(draft) === input.threadId,
    beforeFirstByte: async () => {
      // The look at the screen took time: somebody may have paused this runtime meanwhile.
      await requireOpenTerminal(world, call);
      signal.throwIfAborted();
      await call.markStarted();
      rate.note(input, clock.now());
    },
    // A pause, a hand-over or a lost lease stops us even when our text stands in the box already.
    beforeEnter: async () => {
      await requireOpenTerminal(world, call);
      signal.throwIfAborted();
    },
  });
}

/** The terminal of a managed runtime of this host whose injection is open. Throws `NothingWritten`. */
async function requireOpenTerminal(world: WorldOptions, call: Call): Promise<TerminalAddress> {
  const { input } = call;
  const actor = await call.getActor(addresses.runtime(input.runtimeId));
  if (actor === null || actor.status !== "active") throw refused("noRuntime");
  const runtime = readRuntime(actor);
  if (runtime.agentId !== input.agentId || runtime.host !== world.host) throw refused("identityMismatch");
  if (runtime.management !== "managed") throw refused("unmanaged");
  const isPaused = runtime.injection !== "open" || (await world.isPaused(input.agentId));
  if (isPaused) throw refused("injectionPaused");
  return runtime.address ?? notThere(runtime);
}

function notThere({ reported }: RuntimeContext): never {
  if (reported?.state !== "launching") throw refused("terminalMissing");
  throw new NothingWritten({ verdict: "deferred", reason: "runtimeStarting", retryAfterMs: null });
}

function refused(reason: Extract<Standstill, { verdict: "refused" }>["reason"]): NothingWritten {
  return new NothingWritten({ verdict: "refused", reason });
}
