import { carrierIn } from "./trace-carrier.ts";
import type { Tracing } from "./tracing.ts";
import type { WakeEnd, WakeStory } from "./wake-metrics.ts";

/**
 * A wake's own span, from its opening to its acknowledgement. The ack comes with a trace of its own, the agent's call; the
 * effect that reached the agent has kept the trace of the post.
 */
export function traceWakes(tracing: Tracing): (story: WakeStory, end: WakeEnd) => void {
  return ({ wakeId, openedAt, acknowledgedAt, effects }, end) => {
    if (end !== "acknowledged" || acknowledgedAt === null) return;
    const carried = effects
      .map(({ input }) => carrierIn(input, acknowledgedAt))
      .find((each) => each !== null);
    if (carried === undefined) return;
    const attributes = { "rouse.wake": wakeId };
    tracing
      .start({ name: "wake", kind: "consumer", parent: carried.traceparent, startedAt: openedAt, attributes })
      ?.end({ endedAt: acknowledgedAt });
  };
}
