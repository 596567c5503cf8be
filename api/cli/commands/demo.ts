import { Option } from "commander";
import { defineCommand } from "../command.ts";

export const demo = defineCommand<{ keep?: boolean; json?: boolean; backend?: "tmux" | "pty" }>({
  usage: "demo",
  summary: "See the main job in a minute: agents that review and fix, are woken, killed and resumed.",
  options: [
    new Option("--keep", "leave everything running afterwards"),
    new Option("--backend <backend>", "terminals to use; left out: tmux where there is one").choices([
      "tmux",
      "pty",
    ]),
  ],
  async run(_invocation, { keep = false, json = false, backend = null }) {
    // Loaded when it is wanted: every command would wait for it.
    const { runDemo } = await import("../demo.ts");
    process.exitCode = await runDemo({ keep, json, backend });
  },
});
