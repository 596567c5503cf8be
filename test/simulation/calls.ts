import type { Outcome, SimWorld } from "./contract.ts";
import { isRouseError } from "../../runtime/errors.ts";
import { ConnectionLost } from "./sim-process.ts";

export interface CallRequest {
  stream: string;
  token: string;
  name: string;
  input: object;
  /** Tries until an answer comes; more when all is calm. Default 8. */
  tries?: number;
}

/** Repeats a call whose outcome is not known: with an idempotency key that is safe, and so it is for reads. */
export async function callPatiently(world: SimWorld, request: CallRequest): Promise<Outcome> {
  const { stream, token, name, input, tries = 8 } = request;
  for (let attempt = 1; attempt <= (world.isCalm ? 30 : tries); attempt += 1) {
    try {
      return { type: "done", result: await world.call(stream, token, name, input) };
    } catch (error) {
      if (isRouseError(error) && !error.retryable) return { type: "refused", code: error.code };
      if (!isRouseError(error) && !(error instanceof ConnectionLost)) throw error;
    }
    await world.sleep(world.choices.between(stream, 50, 2_000));
  }
  return { type: "unknown" };
}
