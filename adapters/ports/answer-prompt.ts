import type { AnswerRefusal } from "../../machines/runtime/contract.ts";
import {
  type AnswerPromptInput,
  type AnswerPromptOutput,
  answerPrompt,
} from "../../machines/runtime/ports.ts";
import { implementPort, type AnyPortImplementation, type PortCall } from "../../runtime/ports.ts";
import type { TerminalAddress } from "../../runtime/terminal.ts";
import { answerSafely } from "../terminals/answering.ts";
import type { LivePrograms } from "./live-programs.ts";
import { getLocalAgent } from "./local-agent.ts";
import { type Closed, findOpenRuntime } from "./managed-runtime.ts";
import { requireTerminal, type WorldOptions } from "./world.ts";

type Call = PortCall<AnswerPromptInput>;

/** Carries a refusal out of the guards; no key was pressed. */
class NotAnswered extends Error {
  readonly reason: AnswerRefusal;

  constructor(reason: AnswerRefusal) {
    super(reason);
    this.reason = reason;
  }
}

export function answerPromptPort(world: WorldOptions, programs: LivePrograms): AnyPortImplementation {
  return implementPort(answerPrompt, async (call): Promise<AnswerPromptOutput> => {
    try {
      return await answer(world, programs, call);
    } catch (error) {
      if (error instanceof NotAnswered) return { verdict: "refused", reason: error.reason };
      throw error;
    }
  });
}

async function answer(world: WorldOptions, programs: LivePrograms, call: Call): Promise<AnswerPromptOutput> {
  const { agentId, runtimeId, fingerprint, option } = call.input;
  const address = await requireTimely(world, call);
  const agent = await getLocalAgent(world, agentId);
  if (agent === null) throw new NotAnswered("promptChanged");
  const beforeKey = async (): Promise<void> => void (await requireTimely(world, call));
  return answerSafely({
    ...{ address, fingerprint, option, clock: world.clock, quietWindowMs: world.quietWindowMs, beforeKey },
    terminal: requireTerminal(world, address.backend),
    read: await programs.reader(runtimeId, agent.program, call.signal),
    beforeFirstKey: async () => {
      await beforeKey();
      await call.markStarted();
    },
  });
}

const closed: Readonly<Record<Closed, AnswerRefusal>> = {
  noRuntime: "terminalMissing",
  identityMismatch: "identityMismatch",
  unmanaged: "unmanaged",
  injectionPaused: "injectionPaused",
};

/** The runtime is still ours to write into, and the answer still wanted. Throws `NotAnswered`, or why the call ended. */
async function requireTimely(world: WorldOptions, call: Call): Promise<TerminalAddress> {
  call.signal.throwIfAborted();
  const { agentId, runtimeId, until } = call.input;
  const runtime = await findOpenRuntime(world, call, { agentId, runtimeId, threadId: null });
  if (typeof runtime === "string") throw new NotAnswered(closed[runtime]);
  if (world.clock.now() > until) throw new NotAnswered("tooLate");
  return runtime.address ?? notThere();
}

function notThere(): never {
  throw new NotAnswered("terminalMissing");
}
