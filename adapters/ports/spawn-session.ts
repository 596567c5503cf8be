import type { z } from "zod";
import { spawnSession } from "../../machines/participant/ports.ts";
import { implementPort, type AnyPortImplementation } from "../../runtime/ports.ts";
import { summarize } from "../../runtime/summary.ts";
import { sanitizeForTerminal } from "../terminals/sanitize.ts";
import { getLocalAgent } from "./local-agent.ts";
import { startRuntime } from "./start-runtime.ts";
import { wakeLine } from "./wake-line.ts";
import type { WorldOptions } from "./world.ts";

const maxSummaryBytes = 4096;
/** What is older cannot fit into the summary anyway. */
const messagesRead = 200;

type Output = z.infer<typeof spawnSession.output>;

export function spawnSessionPort(world: WorldOptions): AnyPortImplementation {
  return implementPort(spawnSession, async (call): Promise<Output> => {
    const { agentId, threadId } = call.input;
    const agent = await getLocalAgent(world, agentId);
    const summary = agent === null ? null : await summaryOf(world, threadId);
    if (summary === null) return { verdict: "refused", reason: "notSpawnable" };
    call.signal.throwIfAborted();
    const prompt = `${summary}\n\n${wakeLine(call.input)}`;
    return startRuntime(world, call, { purpose: "spawn", sessionId: null, prompt });
  });
}

async function summaryOf(world: WorldOptions, threadId: string): Promise<string | null> {
  return world.engine.store.transaction(
    async (tx) => {
      const thread = await tx.getThread(threadId);
      if (thread === null) return null;
      const members = await tx.listMembers(threadId);
      const messages = await tx.listLatestMessages({ threadId, limit: messagesRead });
      const { text } = summarize({ thread, members, messages, maxBytes: maxSummaryBytes });
      return sanitizeForTerminal(text, { maxBytes: maxSummaryBytes });
    },
    { readOnly: true },
  );
}
