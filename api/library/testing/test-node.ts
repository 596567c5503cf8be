import { createNode, type Node, type NodeOptions } from "../node.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface TestNode extends Node {
  /** Lets so much time pass: timers fire, retries come due. */
  advance(ms: number): Promise<void>;
}

const anHourMs = 3_600_000;

/** Nothing has to be looked for in one process: rare looks let a month pass in a moment. */
const timing = {
  pollMs: anHourMs,
  reconcileMs: 24 * anHourMs,
  leaseMs: anHourMs,
  beatMs: 24 * anHourMs,
  nodeLostMs: 72 * anHourMs,
  drainMs: 1_000,
};

/** A node in memory whose time passes only when told. Ports run for real. */
export async function createTestNode(
  options: Pick<NodeOptions, "actors" | "ports" | "onError">,
): Promise<TestNode> {
  const clock = new VirtualClock();
  const node = await createNode({ ...options, store: "memory", clock, timing });
  const stop = async (): Promise<void> => {
    const stopping = node.stop();
    // A port that hangs is given up at the end of the drain, in virtual time.
    await clock.advance(2 * timing.drainMs);
    await stopping;
  };
  return { ...node, advance: (ms) => clock.advance(ms), stop, [Symbol.asyncDispose]: stop };
}
