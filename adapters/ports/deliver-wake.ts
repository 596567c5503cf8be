import {
  deliverWake,
  type DeliverWakeInput,
  type DeliverWakeOutput,
} from "../../machines/participant/ports.ts";
import type { RuntimeContext } from "../../machines/runtime/events.ts";
import { implementPort, type AnyPortImplementation, type PortCall } from "../../runtime/ports.ts";
import type { Terminal, TerminalAddress } from "../../runtime/terminal.ts";
import type { RunningProgram } from "../agents/kind.ts";
import { workingFolderOf } from "../terminals/process-table.ts";
import { serially } from "../terminals/serially.ts";
import { obstacleOf, typeSafely } from "../terminals/typing.ts";
import { deliverStructured, findStructuredObstacle, isLimitOver } from "./deliver-structured.ts";
import type { LivePrograms } from "./live-programs.ts";
import { getLocalAgent, type LocalAgent } from "./local-agent.ts";
import { findOpenRuntime } from "./managed-runtime.ts";
import { isWakeLine, threadOfWakeLine, wakeLine } from "./wake-line.ts";
import { WakeRate } from "./wake-rate.ts";
import { requireTerminal, type WorldOptions } from "./world.ts";

type Call = PortCall<DeliverWakeInput>;
type Standstill = Extract<DeliverWakeOutput, { verdict: "deferred" | "refused" }>;

/** Carries a verdict out of a delivery; nothing was written. */
class NothingWritten extends Error {
  readonly verdict: Standstill;

  constructor(verdict: Standstill) {
    super(verdict.reason);
    this.verdict = verdict;
  }
}

export function deliverWakePort(world: WorldOptions, programs: LivePrograms): AnyPortImplementation {
  const rate = new WakeRate(world.wakesPerMinute);
  const oneAtATime = serially();
  return implementPort(deliverWake, async (call) => {
    try {
      return await oneAtATime(call.input.runtimeId, () => deliver({ world, programs, rate, call }));
    } catch (error) {
      if (error instanceof NothingWritten) return error.verdict;
      throw error;
    }
  });
}

interface Delivery {
  world: WorldOptions;
  programs: LivePrograms;
  rate: WakeRate;
  call: Call;
}

async function deliver(delivery: Delivery): Promise<DeliverWakeOutput> {
  const { world, rate, call } = delivery;
  const { input, signal } = call;
  signal.throwIfAborted();
  const runtime = await requireOpenRuntime(world, call);
  const agent = await getLocalAgent(world, input.agentId);
  if (agent === null) return { verdict: "deferred", reason: "stateUnknown", retryAfterMs: null };
  const retryAfterMs = input.force ? 0 : rate.waitMs(input, world.clock.now());
  if (retryAfterMs > 0) return { verdict: "deferred", reason: "rateLimited", retryAfterMs };
  const target: Target = {
    ...{ ...delivery, ...runtime, agent },
    terminal: requireTerminal(world, runtime.address.backend),
    beforeFirstByte: firstByteOf(delivery),
  };
  return (await wakeStructured(target)) ?? typeWake(target);
}

interface Target extends Delivery, OpenRuntime {
  agent: LocalAgent;
  terminal: Terminal;
  beforeFirstByte: () => Promise<void>;
}

/** Checked before each channel's first byte, marked and counted once. */
function firstByteOf({ world, rate, call }: Delivery): () => Promise<void> {
  let isMarked = false;
  return async () => {
    // What was looked at took time: somebody may have paused this runtime meanwhile.
    await requireOpenRuntime(world, call);
    call.signal.throwIfAborted();
    if (isMarked) return;
    await call.markStarted();
    isMarked = true;
    rate.note(call.input, world.clock.now());
  };
}

/** Null when no structured channel will do. */
async function wakeStructured(target: Target): Promise<DeliverWakeOutput | null> {
  const { world, programs, call, agent, address, runtime } = target;
  const { input, signal } = call;
  const { channels = [], patterns } = agent.program;
  if (channels.length === 0) return null;
  if (!(await programs.isKnown(input.runtimeId, agent.program, signal))) return null;
  const seen = await target.terminal.view(address).catch(obstacleOf);
  if ("verdict" in seen) return seen;
  const { quietWindowMs, force } = input;
  const obstacle = findStructuredObstacle(runtime.observation, seen, {
    shells: patterns.shells,
    ...{ quietWindowMs, force, now: world.clock.now() },
  });
  if (obstacle !== null) return obstacle;
  const { wakeId } = input;
  return deliverStructured({
    ...{ programs, channels, wakeId, signal, clock: world.clock, beforeFirstByte: target.beforeFirstByte },
    program: runningProgram(target),
    text: wakeLine(input),
  });
}

function runningProgram({ call, agent: { folder }, address: { pid }, runtime }: Target): RunningProgram {
  const { runtimeId, agentId } = call.input;
  return { runtimeId, agentId, sessionId: runtime.sessionId, pid, cwd: workingFolderOf(pid), folder };
}

async function typeWake(target: Target): Promise<DeliverWakeOutput> {
  const { world, programs, call, terminal, address, beforeFirstByte } = target;
  const { program } = target.agent;
  const { input, signal } = call;
  return typeSafely({
    terminal,
    address,
    text: wakeLine(input),
    read: await programs.reader(input.runtimeId, program, signal),
    quietWindowMs: input.quietWindowMs,
    force: input.force,
    limitIsOver: isLimitOver(target.runtime.observation, world.clock.now()),
    clock: world.clock,
    pace: { enterDelayMs: program.enterDelayMs },
    isOwnText: isWakeLine,
    saysTheSame: (draft) => threadOfWakeLine(draft) === input.threadId,
    findPrompt: async (text, since) =>
      (await program.findPrompt?.(runningProgram(target), text, since)) ?? null,
    beforeFirstByte,
    // A pause, a hand-over or a lost lease stops us even when our text stands in the box already.
    beforeEnter: async () => {
      await requireOpenRuntime(world, call);
      signal.throwIfAborted();
    },
  });
}

interface OpenRuntime {
  runtime: RuntimeContext;
  address: TerminalAddress;
}

/** A managed runtime of this host whose injection is open. Throws `NothingWritten`. */
async function requireOpenRuntime(world: WorldOptions, call: Call): Promise<OpenRuntime> {
  const runtime = await findOpenRuntime(world, call, call.input);
  if (typeof runtime === "string") throw refused(runtime);
  return { runtime, address: runtime.address ?? notThere(runtime) };
}

function notThere({ reported }: RuntimeContext): never {
  if (reported?.state !== "launching") throw refused("terminalMissing");
  throw new NothingWritten({ verdict: "deferred", reason: "runtimeStarting", retryAfterMs: null });
}

function refused(reason: Extract<Standstill, { verdict: "refused" }>["reason"]): NothingWritten {
  return new NothingWritten({ verdict: "refused", reason });
}
