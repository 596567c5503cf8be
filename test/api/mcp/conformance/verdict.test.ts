import { expect, test } from "vitest";
import type { Check, ScenarioRun } from "./suite.ts";
import { judgeFixture, judgeServer } from "./verdict.ts";

const revision = "2025-11-25";
const run = (scenario: string, ...checks: Check[]): ScenarioRun => ({ scenario, checks });
const success: Check = { id: "a", status: "SUCCESS", message: null };
const failure: Check = { id: "b", status: "FAILURE", message: "broken" };
const warning: Check = { id: "c", status: "WARNING", message: null };

test("a failed check, a warning and a scenario that was not run are failures", () => {
  const required = ["ping", "tools-list", "prompts-list"];
  const runs = [run("ping", success, failure), run("tools-list", warning)];
  const results = judgeFixture({ revision, required, runs }, null).map(({ result, note }) => [result, note]);
  expect(results).toEqual([
    ["fail", "b: broken"],
    ["fail", "c: "],
    ["fail", "was not run"],
  ]);
});

test("what our server does not offer is not applicable, until it passes: then the exception is out of date", () => {
  const required = ["ping", "prompts-list", "completion-complete"];
  const runs = [run("ping", success), run("prompts-list", failure), run("completion-complete", success)];
  expect(judgeServer({ revision, required, runs })).toMatchObject([
    { result: "pass" },
    { result: "not applicable", note: "we offer no prompts" },
    { result: "fail", note: "passes, and is named as: we offer no completion" },
  ]);
});
