import type { ServerCommand } from "../../adapters/agents/host.ts";
import { programPath } from "../program-path.ts";

/** `rouse mcp` of this very release. By its home it finds the node also where that listens elsewhere the next time. */
export function stdioServerOf(home: string): ServerCommand {
  return {
    command: process.execPath,
    args: ["--no-warnings", programPath("./cli/main"), "mcp"],
    // The agent's own names the address of this start.
    env: { ROUSE_HOME: home, ROUSE_URL: "" },
  };
}
