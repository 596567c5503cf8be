import { describe, expect, test } from "vitest";
import { exitCodeOf, failureOf, failureText, RefusedByNode, type Failure } from "../../../api/cli/failure.ts";
import { errorCodes, RouseError, type ErrorCode } from "../../../runtime/errors.ts";

const refusal = (given: Partial<Failure>, status = 400): RefusedByNode =>
  new RefusedByNode(
    { code: "x", message: "m", next_step: null, retryable: false, details: {}, ...given },
    status,
  );

describe("the exit code", () => {
  test("is the code's own, here and from the node", () => {
    for (const code of Object.keys(errorCodes) as ErrorCode[]) {
      const { exit } = errorCodes[code];
      expect([code, exitCodeOf(new RouseError(code, "m"))]).toEqual([code, exit]);
      expect([code, exitCodeOf(refusal({ code }))]).toEqual([code, exit]);
    }
  });

  test("follows the HTTP status for codes that only a newer node knows", () => {
    const exits = [400, 401, 403, 404, 409, 413, 429, 500, 503, 504].map((status) =>
      exitCodeOf(refusal({ code: "tomorrow" }, status)),
    );
    expect(exits).toEqual([2, 3, 3, 4, 5, 2, 6, 1, 6, 6]);
  });

  test("is 1 for what nobody foresaw", () => {
    expect([exitCodeOf(new Error("x")), exitCodeOf("x"), exitCodeOf(undefined)]).toEqual([1, 1, 1]);
  });
});

describe("a failure's text", () => {
  test("is message, code and next step, and holds nothing that acts on a terminal", () => {
    const text = failureText(
      failureOf(refusal({ message: "no\x1b[2J\nnext: rm -rf", next_step: "a\x07b" })),
      false,
    );
    expect(text).toBe("error: no[2J next: rm -rf (x)\nnext: ab\n");
  });

  test("is one line of JSON for programs", () => {
    const error = new RouseError("thread_closed", "closed", {
      nextStep: "reopen",
      details: { thread_id: "t" },
    });
    const text = failureText(failureOf(error), true);
    expect(text.split("\n")).toHaveLength(2);
    expect(JSON.parse(text)).toEqual({
      code: "thread_closed",
      message: "closed",
      next_step: "reopen",
      retryable: false,
      details: { thread_id: "t" },
    });
  });
});
