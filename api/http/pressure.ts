import underPressure from "@fastify/under-pressure";
import type { FastifyInstance } from "fastify";
import { RouseError } from "../../runtime/errors.ts";

/** Long enough that a pause of the machine is no overload. */
const sampleMs = 5_000;

/** Refuses calls while the process cannot keep up: waiting would only make it later for all. */
export async function refuseUnderPressure(
  scope: FastifyInstance,
  overloadedDelayMs: number,
  sampleInterval = sampleMs,
): Promise<void> {
  if (overloadedDelayMs === 0) return;
  await scope.register(underPressure, {
    maxEventLoopDelay: overloadedDelayMs,
    sampleInterval,
    pressureHandler: () => Promise.reject(overloaded()),
  });
}

function overloaded(): RouseError {
  return new RouseError("overloaded", "this node has more to do than it can", {
    nextStep: "Repeat the call in a moment, with the same idempotency key; another node may have room.",
  });
}
