import { Option } from "commander";
import { RouseError } from "../../../runtime/errors.ts";
import { defineCommand } from "../command.ts";
import { programPath } from "../program-path.ts";

export interface DemoOptions {
  keep: boolean;
  json: boolean;
  backend: "tmux" | "pty" | null;
}

interface DemoModule {
  /** The exit code: not 0 when anything was lost or doubled. */
  runDemo: (options: DemoOptions) => Promise<number>;
}

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
    const { runDemo } = await loadDemo();
    process.exitCode = await runDemo({ keep, json, backend });
  },
});

async function loadDemo(): Promise<DemoModule> {
  try {
    return (await import(programPath("./demo"))) as DemoModule;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new RouseError("not_found", "this build has no demo", {
      nextStep: "Use a release or a checkout that has it.",
      cause,
    });
  }
}
