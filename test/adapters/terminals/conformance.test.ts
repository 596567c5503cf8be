import { test } from "vitest";
import { hasTmux, stageKinds } from "./stage.ts";
import { describeConformance } from "./terminal-conformance.ts";

for (const kind of stageKinds) describeConformance(kind);

test.runIf(!hasTmux)("tmux is not installed: its terminal was NOT tested", ({ skip }) => {
  console.warn("tmux is not installed: the tmux terminal was NOT tested");
  skip("tmux is not installed");
});
