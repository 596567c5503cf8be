import { RouseError, isRouseError } from "../../runtime/errors.ts";
import { conflict } from "../conflict.ts";

/** Serialization failure, deadlock, lock timeout, unique violation: another transaction came first. */
const conflictStates = new Set(["40001", "40P01", "55P03", "23505"]);
/** Text with U+0000, or not encodable. */
const textStates = new Set(["22021", "22P05"]);

/** The error of our own list for what the server refused; other errors unchanged, they come from the work itself. */
export function asRouseError(error: unknown): unknown {
  if (isRouseError(error) || !(error instanceof Error) || error.name !== "PostgresError") return error;
  const state = "code" in error ? String(error.code) : "";
  if (conflictStates.has(state)) return conflict("Another transaction changed the same rows first.", error);
  if (textStates.has(state)) {
    return new RouseError(
      "invalid_input",
      "The text contains a character that cannot be stored, such as U+0000.",
      {
        nextStep: "Remove it and repeat the call.",
        cause: error,
      },
    );
  }
  return new RouseError("internal", `The database refused a statement: ${error.message}`, { cause: error });
}
