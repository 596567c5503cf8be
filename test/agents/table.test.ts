import { expect, test } from "vitest";
import { secondOf, type Result } from "./suite.ts";
import { tableOf, verdictOf } from "./table.ts";

function result(changes: Partial<Result>): Result {
  const usual = { kind: "codex", backend: "tmux", scenario: "wake-idle", outcome: "pass" } as const;
  return { ...usual, reason: "", ms: 1_500, channels: ["codex-app-server"], ...changes };
}

const failed = result({ scenario: "burst", outcome: "fail", reason: "told 2 times", channels: [] });
const skipped = result({ backend: "pty", outcome: "skipped", reason: "no copy-mode", channels: [] });

test("a row for each scenario, a column for each kind and terminal, reasons below", () => {
  expect(tableOf([result({}), skipped, failed])).toBe(
    [
      "scenario   codex/tmux                    codex/pty",
      "wake-idle  pass 1.5 s: codex-app-server  skipped",
      "burst      fail",
      "",
      "skipped: no copy-mode (codex/pty wake-idle)",
      "fail: told 2 times (codex/tmux burst)",
    ].join("\n"),
  );
});

test("one failure fails; what could not be played neither passes nor fails", () => {
  expect(verdictOf([result({}), skipped])).toBe("passed");
  expect(verdictOf([result({}), failed])).toBe("failed");
  expect(verdictOf([skipped])).toBe("unplayed");
  expect(verdictOf([])).toBe("unplayed");
});

test("a second attempt that passes counts, and tells what the first one met; any other leaves the failure", () => {
  const passed = result({ scenario: "burst" });
  const told = "at the second attempt, for the first failed: told 2 times";
  expect(secondOf(failed, passed)).toEqual({ ...passed, reason: told });
  for (const other of [{ ...failed, reason: "another" }, skipped])
    expect(secondOf(failed, other)).toBe(failed);
});
