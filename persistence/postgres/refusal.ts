import { RouseError, isRouseError } from "../../runtime/errors.ts";
import { conflict } from "../conflict.ts";
import { unavailable } from "./failure.ts";

/** Serialization failure, deadlock, lock timeout, unique violation: another transaction came first. */
const conflictStates = new Set(["40001", "40P01", "55P03", "23505"]);
/** The statement is sound, but a value does not fit: out of range, no such number, text with U+0000 or not encodable. */
const valueStates = new Set(["22003", "22P02", "22021", "22P05"]);
/** Classes 53 and 58, such as a full disk or one that fails: a person has to act, then the same call succeeds. */
const surroundingsState = /^5[38]...$/u;

/** The error of our own list for what the server refused; other errors unchanged, they come from the work itself. */
export function asRouseError(error: unknown): unknown {
  if (isRouseError(error) || !(error instanceof Error) || error.name !== "PostgresError") return error;
  const state = "code" in error ? String(error.code) : "";
  if (conflictStates.has(state)) return conflict("Another transaction changed the same rows first.", error);
  if (surroundingsState.test(state))
    return unavailable("The database lacks resources, or its system failed.", error);
  if (valueStates.has(state)) {
    return new RouseError("invalid_input", `The database does not take a value: ${error.message}.`, {
      nextStep:
        "Correct it and repeat the call: text must not contain U+0000, a cursor is passed on as it came.",
      cause: error,
    });
  }
  return new RouseError("internal", `The database refused a statement: ${error.message}`, { cause: error });
}
