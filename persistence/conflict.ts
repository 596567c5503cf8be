import { RouseError } from "../runtime/errors.ts";

/** Somebody else changed what this transaction is based on; nothing of it was written. */
export function conflict(message: string, cause?: unknown): RouseError {
  return new RouseError("conflict", message, {
    nextStep: "Read the state again and repeat the call.",
    cause,
  });
}
