import { expect, test } from "vitest";
import { asRouseError } from "../../persistence/postgres/refusal.ts";
import { isNobodysFault } from "../../runtime/patience.ts";

const refused = (code: string): Error => Object.assign(new Error("refused"), { name: "PostgresError", code });

test.each([
  ["a full disk", "53100"],
  ["no memory", "53200"],
  ["a disk that fails", "58030"],
  ["a file that is gone", "58P01"],
])("%s is no actor's fault", (_, state) => {
  const error = asRouseError(refused(state));
  expect(error).toMatchObject({ code: "database_unavailable", retryable: true });
  expect(isNobodysFault(error)).toBe(true);
});

test.each([
  ["a row that is too large", "54000", "internal"],
  ["text that is none", "22021", "invalid_input"],
  ["a deadlock", "40P01", "conflict"],
])("%s may be one actor's", (_, state, code) => {
  const error = asRouseError(refused(state));
  expect(error).toMatchObject({ code });
  expect(isNobodysFault(error)).toBe(false);
});
